"""Locks that a session holds across its transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg


@contextmanager
def session_lock(conn: psycopg.Connection[Any], key: str, *, wait_seconds: float) -> Iterator[None]:
    """Hold the advisory lock `key`; the session's end, whatever ends it, gives it up.

    `conn` must be in autocommit mode. Raises psycopg.errors.LockNotAvailable when another session keeps it for longer
    than `wait_seconds`.
    """
    if not conn.autocommit:
        raise ValueError("the connection must be in autocommit mode: the lock outlives transactions")
    with conn.transaction():
        conn.execute("SELECT set_config('lock_timeout', %s, true)", (f"{int(wait_seconds * 1000)}ms",))
        conn.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (key,))
    try:
        yield
    finally:
        with suppress(psycopg.OperationalError):  # a lost session has lost its locks
            conn.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (key,))
