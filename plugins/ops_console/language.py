"""Korean and English: which one a visitor gets, and every text, number and time in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_timedelta
from babel.numbers import format_decimal
from starlette.requests import HTTPConnection

LANGUAGES = ("ko", "en")
DEFAULT_LANGUAGE = "en"
COOKIE = "console_language"
_LOCALES = Path(__file__).parent / "locales"

MINUTE_SECONDS = 60
HOUR_SECONDS = 3600


@cache
def texts(language: str) -> dict[str, Any]:
    """Return all texts of a language by key."""
    loaded: dict[str, Any] = json.loads((_LOCALES / f"{language}.json").read_text(encoding="utf-8"))
    return loaded


def chosen_language(request: HTTPConnection) -> str | None:
    """Return the language that the address asks for, None when it asks for none that we speak."""
    chosen = request.query_params.get("lang")
    return chosen if chosen in LANGUAGES else None


def language_of(request: HTTPConnection) -> str:
    """Return the visitor's language: chosen in the address, chosen before, or the browser's first that we speak."""
    if chosen := chosen_language(request):
        return chosen
    remembered = request.cookies.get(COOKIE)
    if remembered in LANGUAGES:
        return remembered
    return _preferred(request.headers.get("accept-language", ""))


def _preferred(header: str) -> str:
    """Read an Accept-Language header such as `ko-KR,ko;q=0.9,en;q=0.8`."""
    weighted: list[tuple[float, str]] = []
    for entry in header.split(","):
        tag, _, parameters = entry.strip().partition(";")
        language = tag.partition("-")[0].lower()
        if language in LANGUAGES:
            weighted.append((_quality(parameters), language))
    # max() keeps the first of equals: the order in the header decides.
    return max(weighted, key=lambda pair: pair[0], default=(0.0, DEFAULT_LANGUAGE))[1]


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0


@dataclass(frozen=True)
class Wording:
    """Speaks one language, with times in one zone."""

    language: str
    zone: ZoneInfo

    def text(self, key: str, **values: object) -> str:
        """Return a text with the values put in. An unknown key is an error in the program."""
        template: str = texts(self.language)[key]
        return template.format(**values) if values else template

    def group(self, prefix: str) -> dict[str, str]:
        """Return all texts below a prefix, by the rest of their keys."""
        start = f"{prefix}."
        return {key.removeprefix(start): text for key, text in texts(self.language).items() if key.startswith(start)}

    def moment(self, at: datetime | str | None, *, seconds: bool = False) -> str:
        """Return a time to the minute or second; a dash when there is none."""
        if at is None:
            return "–"
        instant = datetime.fromisoformat(at) if isinstance(at, str) else at
        local = instant.astimezone(self.zone)
        clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
        return f"{format_date(local, format='medium', locale=self.language)} {clock}"

    def ago(self, at: datetime | str | None, *, now: datetime) -> str:
        """Return how long ago something was, in one unit."""
        if at is None:
            return "–"
        instant = datetime.fromisoformat(at) if isinstance(at, str) else at
        past = max(now - instant, timedelta(seconds=1))
        return format_timedelta(-past, granularity="second", threshold=1.2, add_direction=True, locale=self.language)

    def number(self, value: float) -> str:
        """Return a number with its thousands apart."""
        return format_decimal(value, locale=self.language)

    def duration(self, seconds: float | None) -> str:
        """Return a duration in its two largest units; a dash when there is none."""
        if seconds is None:
            return "–"
        whole = round(seconds)
        if whole < MINUTE_SECONDS:
            return self.text("duration.s", s=f"{seconds:.1f}" if seconds < 10 else whole)
        if whole < HOUR_SECONDS:
            return self.text("duration.min", min=whole // MINUTE_SECONDS, s=whole % MINUTE_SECONDS)
        if whole < 24 * HOUR_SECONDS:
            return self.text("duration.h", h=whole // HOUR_SECONDS, min=whole % HOUR_SECONDS // MINUTE_SECONDS)
        hours = whole // HOUR_SECONDS
        return self.text("duration.d", d=hours // 24, h=hours % 24)
