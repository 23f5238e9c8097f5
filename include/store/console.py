"""Queries of the console: what a page or an API answer shows, and the rating, the one thing that a page writes."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

Row = dict[str, Any]

MAX_PAGE = 200


class InvalidCursor(ValueError):
    """A paging cursor that this console did not hand out."""


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """Where a page of the list ends: the next one starts behind it."""

    received_at: datetime
    request_id: str

    def encode(self) -> str:
        """Return the cursor as the opaque text of an address."""
        return base64.urlsafe_b64encode(f"{self.received_at.isoformat()} {self.request_id}".encode()).decode()

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Read an encoded cursor. Raise InvalidCursor for any other text."""
        try:
            instant, _, request_id = base64.urlsafe_b64decode(text.encode()).decode().partition(" ")
            received_at = datetime.fromisoformat(instant)
        except (binascii.Error, UnicodeError, ValueError):
            raise InvalidCursor("not a cursor of this list: take `next_cursor` of the page before") from None
        if received_at.tzinfo is None or not request_id or "\0" in request_id:
            raise InvalidCursor("not a cursor of this list: take `next_cursor` of the page before")
        return cls(received_at=received_at, request_id=request_id)


@dataclass(frozen=True, kw_only=True)
class EventFilter:
    """What to list. None means any. `requester` and `customer_id` fence people in; the rest narrows."""

    requester: str | None = None
    customer_id: str | None = None
    status: list[str] | None = None
    tier: str | None = None
    customer: str | None = None
    received_from: datetime | None = None
    received_to: datetime | None = None
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class EventPage:
    """Some events, newest first, and where to go on."""

    events: list[Row]
    next_cursor: Cursor | None


_LIST = """
    SELECT * FROM ops.event_requests
    WHERE (%(requester)s::text IS NULL OR requester = %(requester)s)
      AND (%(customer_id)s::text IS NULL OR customer_id = %(customer_id)s)
      AND (%(status)s::text[] IS NULL OR status = ANY (%(status)s))
      AND (%(tier)s::text IS NULL OR tier = %(tier)s)
      AND (%(customer)s::text IS NULL OR customer_id = %(customer)s OR customer_email = lower(%(customer)s))
      AND (%(received_from)s::timestamptz IS NULL OR received_at >= %(received_from)s)
      AND (%(received_to)s::timestamptz IS NULL OR received_at < %(received_to)s)
      AND (%(text)s::text IS NULL
           OR position(lower(%(text)s) IN lower(concat_ws(' ', event_name, request_id, customer_email, slug))) > 0)
      AND (%(after_at)s::timestamptz IS NULL OR (received_at, request_id) < (%(after_at)s, %(after_id)s))
    ORDER BY received_at DESC, request_id DESC
    LIMIT %(limit)s
"""


def list_events(conn: psycopg.Connection[Any], wanted: EventFilter, *, after: Cursor | None, limit: int) -> EventPage:
    """Return one page of the events that match; `limit` is cut to 200."""
    limit = min(limit, MAX_PAGE)
    parameters = asdict(wanted) | {
        "after_at": after.received_at if after else None,
        "after_id": after.request_id if after else None,
        "limit": limit + 1,
    }
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_LIST, parameters).fetchall()
    page = rows[:limit]
    last = page[-1] if len(rows) > limit else None
    following = Cursor(received_at=last["received_at"], request_id=last["request_id"]) if last else None
    return EventPage(events=page, next_cursor=following)


def find_event(conn: psycopg.Connection[Any], request_id: str) -> Row | None:
    """Return the request's row with the name of its customer, None when there is none."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("SELECT * FROM ops.event_requests WHERE request_id = %s", (request_id,)).fetchone()


def steps_of(conn: psycopg.Connection[Any], request_ids: list[str]) -> dict[str, list[Row]]:
    """Return the steps of each request's current attempt, in the order in which they started."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "SELECT s.request_id, s.attempt, s.step, s.state, s.started_at, s.finished_at, s.detail"
            " FROM ops.event_steps AS s JOIN ops.event_requests AS r USING (request_id, attempt)"
            " WHERE s.request_id = ANY (%s) ORDER BY s.request_id, s.started_at, s.step",
            (request_ids,),
        ).fetchall()
    steps: dict[str, list[Row]] = {request_id: [] for request_id in request_ids}
    for row in rows:
        steps[row["request_id"]].append(row)
    return steps


def ledger_of(conn: psycopg.Connection[Any], request_id: str, *, limit: int = 200) -> list[Row]:
    """Return what the ledger says about a request, oldest first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT entry_id, at, actor, action, reason, after FROM ops.ledger WHERE target = %s"
            " ORDER BY entry_id LIMIT %s",
            (f"event:{request_id}", limit),
        ).fetchall()


def messages_of(conn: psycopg.Connection[Any], request_id: str) -> list[Row]:
    """Return the messages that were sent for a request."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT effect_key, state, at, detail FROM ops.event_effects WHERE request_id = %s ORDER BY at",
            (request_id,),
        ).fetchall()


def waiting_approvals(conn: psycopg.Connection[Any], *, limit: int = 50) -> list[Row]:
    """Return the requests that wait for a person, the one that expires first on top."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT * FROM ops.event_requests WHERE status = 'awaiting_approval'"
            " ORDER BY approval_due ->> 'expires_at' NULLS LAST, received_at LIMIT %s",
            (limit,),
        ).fetchall()


def status_counts(conn: psycopg.Connection[Any]) -> dict[str, int]:
    """Return how many requests are in each status."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute("SELECT status, count(*) AS n FROM ops.event_requests GROUP BY status").fetchall()
    return {row["status"]: row["n"] for row in rows}


def find_guide(conn: psycopg.Connection[Any], token: str) -> Row | None:
    """Return the guide (`html`, `language`) that a link's token opens, None when no guide has it."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT request_id, language, html FROM ops.event_guides WHERE token_hash = %s", (_token_hash(token),)
        ).fetchone()


def find_rating(conn: psycopg.Connection[Any], token: str) -> Row | None:
    """Return what a rating link is about (event's name, customer's language, score so far), None for an unknown one."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT t.request_id, t.score, r.event_name, r.body -> 'customer' ->> 'language' AS language"
            " FROM ops.event_ratings AS t JOIN ops.event_requests AS r USING (request_id) WHERE t.token_hash = %s",
            (_token_hash(token),),
        ).fetchone()


def rate(conn: psycopg.Connection[Any], token: str, *, score: int, comment: str | None) -> bool:
    """Keep a rating of 1 to 5; a later one of the same link replaces it. Return False when no event has this link."""
    with conn.cursor() as cursor:
        cursor.execute(
            "UPDATE ops.event_ratings SET score = %s, comment = %s, rated_at = now() WHERE token_hash = %s",
            (score, comment, _token_hash(token)),
        )
        return cursor.rowcount > 0


def _token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
