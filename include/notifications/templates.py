"""Rendering of `config/templates/<language>/<name>`: strict about missing values, escaping by file type."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, select_autoescape

from include.notifications.errors import BrokenTemplate
from include.notifications.escaping import escape_deep

TEMPLATES_DIR = Path(__file__).resolve().parents[2] / "config" / "templates"
LANGUAGES = ("ko", "en")
SHARED = "shared"  # layouts without words of their own
_KOREAN_WEEKDAYS = "월화수목금토일"
_ENGLISH_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def render(name: str, *, language: str, context: Mapping[str, Any]) -> str:
    """Render a template. In `*.html` every value is escaped for HTML, in `*.md` for Markdown, elsewhere not at all.

    Raises BrokenTemplate when it is missing, malformed or needs a value that is not in `context`.
    """
    values = escape_deep(dict(context)) if name.endswith(".md") else context
    try:
        return _environment(language).get_template(name).render(values)
    except TemplateError as error:
        raise BrokenTemplate(f"{language}/{name}: {type(error).__name__}: {error}") from error


def format_instant(instant: datetime, language: str) -> str:
    """Write a date and time as people read it, with the offset in which it is given."""
    offset = f"{instant:%z}"
    zone = f"UTC{offset[:3]}:{offset[3:5]}"
    if language == "ko":
        weekday = _KOREAN_WEEKDAYS[instant.weekday()]
        return f"{instant.year}년 {instant.month}월 {instant.day}일({weekday}) {instant:%H:%M} {zone}"
    return f"{_ENGLISH_WEEKDAYS[instant.weekday()]} {instant:%Y-%m-%d %H:%M} {zone}"


def format_number(number: float) -> str:
    """Write a number with thousands separators."""
    return f"{number:,.0f}"


@cache
def _environment(language: str) -> Environment:
    if language not in LANGUAGES:
        raise BrokenTemplate(f"there are no templates in {language!r}, only in {', '.join(LANGUAGES)}")
    environment = Environment(
        loader=FileSystemLoader([TEMPLATES_DIR / language, TEMPLATES_DIR / SHARED]),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = format_number
    environment.filters["when"] = lambda instant: format_instant(instant, language)
    return environment
