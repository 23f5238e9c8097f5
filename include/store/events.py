"""Queries on event requests: one row per request, everything about its life in it.

Callers open the transaction; nothing here commits. Steps and messages are in `event_work`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from include.store import ledger

Row = dict[str, Any]
Connection = psycopg.Connection[Any]
Parameters = Sequence[object] | Mapping[str, object]

LONGEST_ERROR = 1000
INTAKE_CHANNEL = "ops_intake"
# Times that a status sets when it is entered.
_STAMPS: Mapping[str, tuple[str, ...]] = {
    "planned": ("planned_at",),
    "approved": ("approved_at",),
    "completed": ("configured_at", "finished_at"),
    "rejected": ("finished_at",),
    "expired": ("finished_at",),
    "invalid": ("finished_at",),
    "cancelled": ("finished_at",),
    "rolled_back": ("finished_at",),
    "rollback_failed": ("finished_at",),
}


@dataclass(frozen=True, kw_only=True)
class NewRequest:
    """A request as it is entered; the other columns have defaults."""

    request_id: str
    body: Mapping[str, Any]
    body_hash: str
    source: str
    requester: str
    customer_id: str | None
    customer_email: str
    event_name: str
    starts_at: datetime
    ends_at: datetime
    expected_attendees: int
    not_duplicate_of: str | None
    slug: str


def fetch_one(conn: Connection, query: LiteralString, parameters: Parameters = ()) -> Row | None:
    """Return the first row as a dictionary, None when there is none."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters).fetchone()


def fetch_all(conn: Connection, query: LiteralString, parameters: Parameters = ()) -> list[Row]:
    """Return all rows as dictionaries."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters).fetchall()


def describe_error(error: BaseException) -> dict[str, Any]:
    """Return an error as JSON that PostgreSQL takes."""
    message = str(error).replace("\x00", "").encode("utf-8", "replace").decode()
    return {"type": type(error).__name__, "message": message[:LONGEST_ERROR]}


def find_request(conn: Connection, request_id: str, *, lock: bool = False) -> Row | None:
    """Return a request's row; `lock` keeps it from changing until the transaction ends."""
    query = "SELECT * FROM ops.event_requests WHERE request_id = %s"
    return fetch_one(conn, f"{query} FOR UPDATE" if lock else query, (request_id,))


def lock_for_intake(conn: Connection, *, request_id: str, customer_id: str | None, customer_email: str) -> None:
    """Let one intake at a time in for an id, then for a customer, until the transaction ends.

    A customer is what it is in `list_customer_requests`. Always in this order: two transactions can then never wait for
    each other.
    """
    customer = f"email:{customer_email}" if customer_id is None else f"customer:{customer_id}"
    for name in (f"request:{request_id}", customer):
        conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"ops_intake:{name}",))


def list_customer_requests(conn: Connection, *, customer_id: str | None, customer_email: str) -> list[Row]:
    """Return all requests of a customer, oldest first, with what the duplicate check needs.

    A customer is an API key's `customer_id`; without one it is an e-mail address, among requests that people entered.
    """
    return fetch_all(
        conn,
        "SELECT request_id, event_name, starts_at, ends_at, status, not_duplicate_of FROM ops.event_requests"
        " WHERE customer_id = %(id)s OR (%(id)s::text IS NULL AND customer_id IS NULL AND customer_email = %(email)s)"
        " ORDER BY received_at, request_id",
        {"id": customer_id, "email": customer_email},
    )


def find_by_run(conn: Connection, dag_run_id: str) -> Row | None:
    """Return the request that a run works for, None when it works for none."""
    return fetch_one(conn, "SELECT * FROM ops.event_requests WHERE dag_run_id = %s LIMIT 1", (dag_run_id,))


def slug_is_taken(conn: Connection, slug: str) -> bool:
    """Tell whether any request, past ones included, has this slug."""
    return fetch_one(conn, "SELECT 1 AS taken FROM ops.event_requests WHERE slug = %s", (slug,)) is not None


def insert_request(conn: Connection, new: NewRequest) -> None:
    """Enter a request."""
    columns = {**vars(new), "body": Jsonb(new.body)}
    conn.execute(
        "INSERT INTO ops.event_requests (request_id, body, body_hash, source, requester, customer_id, customer_email,"
        " event_name, starts_at, ends_at, expected_attendees, not_duplicate_of, slug)"
        " VALUES (%(request_id)s, %(body)s, %(body_hash)s, %(source)s, %(requester)s, %(customer_id)s,"
        " %(customer_email)s, %(event_name)s, %(starts_at)s, %(ends_at)s, %(expected_attendees)s,"
        " %(not_duplicate_of)s, %(slug)s)",
        columns,
    )


def notify_intake(conn: Connection, request_id: str) -> None:
    """Wake the engine when the transaction commits."""
    conn.execute("SELECT pg_notify(%s, %s)", (INTAKE_CHANNEL, request_id))


def set_status(conn: Connection, request_id: str, status: str) -> None:
    """Enter a status and stamp the times that belong to it, on the database's clock."""
    stamps = [sql.SQL("{} = now()").format(sql.Identifier(column)) for column in _STAMPS.get(status, ())]
    changes = sql.SQL(", ").join([sql.SQL("status = %s"), *stamps])
    conn.execute(
        sql.SQL("UPDATE ops.event_requests SET {} WHERE request_id = %s").format(changes), (status, request_id)
    )


def set_run(conn: Connection, request_id: str, dag_run_id: str) -> None:
    """Write down which run works for the request."""
    conn.execute(
        "UPDATE ops.event_requests SET dag_run_id = %s WHERE request_id = %s AND dag_run_id IS DISTINCT FROM %s",
        (dag_run_id, request_id, dag_run_id),
    )


def start_attempt(conn: Connection, request_id: str, attempt: int) -> int | None:
    """Take a request up again after `attempt`, with nothing decided yet.

    Return the new attempt's number; None when the request is not (any more) one that can be taken up again.
    """
    row = fetch_one(conn, "SELECT ops.start_attempt(%s, %s) AS attempt", (request_id, attempt))
    return row["attempt"] if row else None


def close_refused(conn: Connection, request_id: str, attempt: int, error: Row) -> bool:
    """Mark a request `invalid` that nobody will ever start; False when it no longer waits in this attempt."""
    row = fetch_one(conn, "SELECT ops.close_refused(%s, %s, %s) AS closed", (request_id, attempt, Jsonb(error)))
    return row is not None and row["closed"] is True


def store_plan(conn: Connection, request_id: str, *, classification: Row, plan: Row, plan_hash: str) -> None:
    """Keep a plan and what the request was classified as."""
    conn.execute(
        "UPDATE ops.event_requests SET event_type = %s, tier = %s, priority = %s, classification = %s, plan = %s,"
        " plan_hash = %s WHERE request_id = %s",
        (
            classification["event_type"],
            classification["tier"],
            classification["priority"],
            Jsonb(classification),
            Jsonb(plan),
            plan_hash,
            request_id,
        ),
    )


def set_approval_due(conn: Connection, request_id: str, due: Row | None) -> None:
    """Keep when an unanswered approval is reminded of, handed on and given up."""
    conn.execute(
        "UPDATE ops.event_requests SET approval_due = %s WHERE request_id = %s",
        (Jsonb(due) if due else None, request_id),
    )


def add_approval(conn: Connection, request_id: str, entry: Row) -> None:
    """Append to the history of an approval; the database's clock says when."""
    conn.execute(
        "UPDATE ops.event_requests SET approvals = approvals || jsonb_build_array("
        "jsonb_build_object('at', now()) || %s) WHERE request_id = %s",
        (Jsonb(entry), request_id),
    )


def merge_result(conn: Connection, request_id: str, values: Row) -> None:
    """Add to what was made for the request."""
    conn.execute(
        "UPDATE ops.event_requests SET result = result || %s WHERE request_id = %s", (Jsonb(values), request_id)
    )


def drop_result(conn: Connection, request_id: str, keys: Sequence[str]) -> None:
    """Take away from what was made for the request."""
    conn.execute(
        "UPDATE ops.event_requests SET result = result - %s::text[] WHERE request_id = %s", (list(keys), request_id)
    )


def clear_result(conn: Connection, request_id: str) -> None:
    """Forget what was made for the request, when nothing of it is left."""
    conn.execute("UPDATE ops.event_requests SET result = '{}' WHERE request_id = %s", (request_id,))


def set_error(conn: Connection, request_id: str, error: Row | None) -> None:
    """Keep what went wrong first: an error that follows from it does not hide it."""
    conn.execute(
        "UPDATE ops.event_requests SET error = CASE WHEN %s::jsonb IS NULL THEN NULL ELSE coalesce(error, %s) END"
        " WHERE request_id = %s",
        (Jsonb(error) if error else None, Jsonb(error) if error else None, request_id),
    )


def requester_emails(conn: Connection, request_id: str) -> tuple[str, ...]:
    """Return every e-mail address that belongs to who asked: the customer's in the body and the API key's."""
    rows = fetch_all(
        conn,
        "SELECT r.customer_email AS email FROM ops.event_requests AS r WHERE request_id = %(id)s UNION"
        " SELECT c.email FROM ops.event_requests AS r JOIN ops.customers AS c USING (customer_id)"
        " WHERE request_id = %(id)s",
        {"id": request_id},
    )
    return tuple(sorted(row["email"] for row in rows))


def record(
    conn: Connection, *, actor: str, action: str, request_id: str, reason: str, before: Row | None, after: Row | None
) -> None:
    """Write a ledger entry about a request, in the caller's transaction."""
    ledger.append(
        conn, actor=actor, action=action, target=f"event:{request_id}", reason=reason, before=before, after=after
    )
