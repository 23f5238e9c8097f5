"""What was asked of the played services: one entry per request, kept over restarts."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.services import Service
from sandbox.state import SqlValue, StateStore

_KEPT_ENTRIES = 20_000
_PRUNE_EVERY = 500
_KEPT_BODY_CHARACTERS = 65_536
_SECRET_HEADERS = frozenset({"authorization", "cookie", "x-twilio-signature"})
_SECRET_FIELDS = re.compile(r"(password|token)=[^&\s]*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class JournalEntry:
    """A request before it is written down; `status` is None when the line was cut."""

    service: Service
    method: str
    path: str
    status: int | None
    duration_ms: float
    query: str = ""
    headers: Iterable[tuple[str, str]] = ()
    body: bytes = b""
    fault_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class JournalFilter:
    """Which entries to read; an empty field selects all."""

    service: Service | None = None
    method: str = ""
    path_regex: str = ""
    after_id: int = 0
    limit: int = 1000


class Journal:
    """Writes and reads the entries; credentials are masked before they are written."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    def record(self, entry: JournalEntry) -> None:
        """Write one entry; the oldest go when there are more than 20,000."""
        headers = {name: _masked(name, value) for name, value in entry.headers}
        body = entry.body.decode("utf-8", errors="replace")[:_KEPT_BODY_CHARACTERS]
        entry_id = self._state.insert(
            "INSERT INTO journal (at, service, method, path, query, headers, body, status, fault_id, duration_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                datetime.now(UTC).isoformat(),
                entry.service,
                entry.method,
                entry.path,
                entry.query,
                json.dumps(headers),
                _SECRET_FIELDS.sub(r"\1=***", body),
                entry.status,
                entry.fault_id,
                round(entry.duration_ms, 3),
            ),
        )
        if entry_id % _PRUNE_EVERY == 0:
            self._state.change("DELETE FROM journal WHERE entry_id <= ?", (entry_id - _KEPT_ENTRIES,))

    def entries(self, wanted: JournalFilter) -> list[dict[str, object]]:
        """Return the matching entries, oldest first."""
        conditions, parameters = ["entry_id > ?"], [wanted.after_id]
        values: list[SqlValue] = [*parameters]
        if wanted.service:
            conditions.append("service = ?")
            values.append(wanted.service)
        if wanted.method:
            conditions.append("method = ?")
            values.append(wanted.method.upper())
        where = " AND ".join(conditions)
        rows = self._state.query(f"SELECT * FROM journal WHERE {where} ORDER BY entry_id", values)  # noqa: S608
        pattern = re.compile(wanted.path_regex)
        return [_as_document(row) for row in rows if pattern.search(row["path"])][: wanted.limit]

    def clear(self) -> None:
        """Forget all entries."""
        self._state.change("DELETE FROM journal")


def _masked(name: str, value: str) -> str:
    if name.lower() not in _SECRET_HEADERS:
        return value
    scheme, separator, _secret = value.partition(" ")
    return f"{scheme} ***" if separator else "***"


def _as_document(row: sqlite3.Row) -> dict[str, object]:
    document: dict[str, object] = {key: row[key] for key in row.keys()}  # noqa: SIM118 - sqlite3.Row is no mapping
    return document | {"id": row["entry_id"], "headers": json.loads(row["headers"])}
