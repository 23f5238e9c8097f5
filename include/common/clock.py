"""Instants: always aware, and taken from a clock that the caller hands in.

Deadlines and everything kept in `ops` use the *database's* clock, because processes on several machines must agree.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import psycopg

from include.common.errors import NaiveDatetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return this machine's time as an aware datetime in UTC."""
    return datetime.now(UTC)


def database_now(conn: psycopg.Connection[object]) -> datetime:
    """Return the database's `now()`: the start of the current transaction, in UTC."""
    with conn.cursor(row_factory=psycopg.rows.scalar_row) as cursor:
        instant = cursor.execute("SELECT now()").fetchone()
    if not isinstance(instant, datetime):
        raise TypeError(f"the database answered {instant!r} to now(), expected a timestamp with time zone")
    return instant.astimezone(UTC)


def aware(instant: datetime) -> datetime:
    """Return the instant in UTC. Raise NaiveDatetime when it has no offset."""
    if instant.utcoffset() is None:
        raise NaiveDatetime(f"{instant.isoformat()} has no offset: write for example {instant.isoformat()}+09:00")
    return instant.astimezone(UTC)


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 date-time with offset and return it in UTC.

    Raises ValueError when the text is no date-time, NaiveDatetime (a ValueError) when it has no offset.
    """
    return aware(datetime.fromisoformat(text))
