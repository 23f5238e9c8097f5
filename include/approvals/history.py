"""What is kept with a request about its approval."""

from __future__ import annotations

from typing import Any

import psycopg

from include.approvals.roster import Requester
from include.events.errors import UnknownRequest
from include.store import events as store

Connection = psycopg.Connection[Any]


def locked_row(conn: Connection, request_id: str) -> store.Row:
    """Return the request's row and keep it from changing until the transaction ends. Raises UnknownRequest."""
    row = store.find_request(conn, request_id, lock=True)
    if row is None:
        raise UnknownRequest(f"there is no request {request_id!r}")
    return row


def entries_of(row: store.Row, attempt: int) -> list[store.Row]:
    """Return what was asked and answered in an attempt, oldest first."""
    return [entry for entry in row["approvals"] if entry.get("attempt") == attempt]


def requester_of(conn: Connection, row: store.Row) -> Requester:
    """Return who asked, with every address that is theirs."""
    return Requester(
        identity=row["requester"],
        emails=store.requester_emails(conn, row["request_id"]),
        phone=row["body"]["customer"]["phone"],
    )
