"""What the played services remember, in one SQLite file that survives a restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SqlValue = str | int | float | bytes | None

_VERSION = 2  # of the tables below; the state of another version is dropped
_SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (
    entry_id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL, service TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, query TEXT NOT NULL,
    headers TEXT NOT NULL, body TEXT NOT NULL, status INTEGER, fault_id TEXT, duration_ms REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS journal_service ON journal (service, entry_id);
CREATE TABLE IF NOT EXISTS slack_messages (
    ts TEXT PRIMARY KEY, channel TEXT NOT NULL, source TEXT NOT NULL, message TEXT NOT NULL,
    posted_at TEXT NOT NULL, edited_at TEXT
);
CREATE TABLE IF NOT EXISTS sms_messages (
    sid TEXT PRIMARY KEY, recipient TEXT NOT NULL, sender TEXT NOT NULL, body TEXT NOT NULL,
    segments INTEGER NOT NULL, created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS sms_messages_recipient ON sms_messages (recipient, created_at);
CREATE TABLE IF NOT EXISTS mails (
    mail_id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL, envelope_from TEXT NOT NULL, envelope_to TEXT NOT NULL, subject TEXT NOT NULL,
    raw BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS kubernetes_objects (
    api_group TEXT NOT NULL, plural TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    resource_version INTEGER NOT NULL, document TEXT NOT NULL, gone_at REAL,
    PRIMARY KEY (api_group, plural, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""

_TABLES = ("journal", "slack_messages", "sms_messages", "mails", "kubernetes_objects")


class StateStore:
    """The process's only connection to its state.

    Statements run on the event loop: in WAL mode with ``synchronous=NORMAL`` a commit does not wait for the disk
    (about 30 µs), and what was committed survives a kill -9 of the process.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._create_tables()

    def query(self, statement: str, parameters: Sequence[SqlValue] = ()) -> list[sqlite3.Row]:
        """Run a statement and return its rows."""
        return self._connection.execute(statement, parameters).fetchall()

    def change(self, statement: str, parameters: Sequence[SqlValue] = ()) -> int:
        """Run a statement and return how many rows it changed."""
        return self._connection.execute(statement, parameters).rowcount

    def insert(self, statement: str, parameters: Sequence[SqlValue]) -> int:
        """Run an INSERT and return the new row's id."""
        return int(self._connection.execute(statement, parameters).lastrowid or 0)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the statements of the block one unit: all or none."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def next_value(self, counter: str) -> int:
        """Return the next value of a counter that never goes back, also over restarts."""
        rows = self.query(
            "INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            (counter,),
        )
        return int(rows[0]["value"])

    def current_value(self, counter: str) -> int:
        """Return the last value that `next_value` gave out, 0 before the first."""
        rows = self.query("SELECT value FROM counters WHERE name = ?", (counter,))
        return int(rows[0]["value"]) if rows else 0

    def clear(self) -> None:
        """Forget everything but the counters: resource versions and timestamps are never given out twice."""
        with self.transaction():
            for table in _TABLES:
                self.change(f"DELETE FROM {table}")  # noqa: S608 - the names are constants of this module

    def _create_tables(self) -> None:
        if self.query("PRAGMA user_version")[0][0] != _VERSION:
            for table in (*_TABLES, "counters"):
                self.change(f"DROP TABLE IF EXISTS {table}")
            self.change(f"PRAGMA user_version = {_VERSION}")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file; the write-ahead log is folded in."""
        self._connection.close()
