"""Rendering of pages: one Jinja environment that escapes everything, one context that every page has."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from include.common.clock import utc_now
from include.settings import get_settings
from ops_console.addresses import mount_path, relative_base
from ops_console.callers import Caller
from ops_console.language import COOKIE, Wording, chosen_language, language_of
from ops_console.progress import PROGRESS

COOKIE_SECONDS = 365 * 24 * 3600
HERE = Path(__file__).parent


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def wording_for(request: Request, language: str | None = None) -> Wording:
    """Return how to speak to this visitor; a given language wins over theirs."""
    return Wording(language or language_of(request), get_settings().zone)


def render(
    request: Request,
    template: str,
    *,
    caller: Caller | None = None,
    language: str | None = None,
    status_code: int = 200,
    **context: Any,
) -> HTMLResponse:
    """Return a page. A language chosen in the address is remembered."""
    wording = wording_for(request, language)
    now = utc_now()
    shared = {
        "base": relative_base(request),
        "language": wording.language,
        "language_query": lambda code: urlencode(
            [(name, value) for name, value in request.query_params.multi_items() if name != "lang"] + [("lang", code)]
        ),
        "t": wording.text,
        "moment": wording.moment,
        "ago": lambda at: wording.ago(at, now=now),
        "duration": wording.duration,
        "number": wording.number,
        "tone": lambda status: PROGRESS[status].tone,
        "is_staff": caller is not None and caller.is_staff,
        "user_name": caller.name if caller is not None else None,
        "section": None,
    }
    page = HTMLResponse(_environment().get_template(template).render(shared | context), status_code=status_code)
    if chosen_language(request):
        page.set_cookie(
            COOKIE,
            wording.language,
            max_age=COOKIE_SECONDS,
            path=mount_path(request) or "/",
            samesite="lax",
            httponly=True,
        )
    return page
