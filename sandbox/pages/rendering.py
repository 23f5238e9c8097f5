"""Templates and the headers that keep pages to themselves."""

from __future__ import annotations

import secrets
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

_TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, *, status: HTTPStatus = HTTPStatus.OK, **context: object) -> Response:
    """Return a page that loads nothing from elsewhere, is not cached and tells no other site its address."""
    nonce = secrets.token_urlsafe(12)
    html = _environment().get_template(template).render(nonce=nonce, **context)
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; img-src data:; connect-src 'self';"
        " form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return HTMLResponse(html, status, headers)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = _moment
    return environment


def _moment(value: datetime | str, zone: ZoneInfo, pattern: str = "%Y-%m-%d %H:%M") -> str:
    """Write a time for people of a time zone."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(zone).strftime(pattern)
