"""Connections to the ops database: few, opened when first needed, given back after each request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from include.common.connections import connection_from_env
from include.common.errors import CommonError
from ops_console.errors import Unavailable

OpsConnection = psycopg.Connection[dict[str, Any]]

# Five at most per api-server process: people and customers' programs ask little at a time, and PostgreSQL has about a
# hundred to share out. None is held while nobody looks.
MAX_CONNECTIONS = 5
MAX_IDLE_SECONDS = 120
WAIT_SECONDS = 10


class Database:
    """The ops database. The log-in comes from `AIRFLOW_CONN_OPS_DB` unless a connection string is given."""

    def __init__(self, dsn: str | None = None) -> None:
        self._dsn = dsn
        self._pool: ConnectionPool[OpsConnection] | None = None
        self._opening = Lock()

    @contextmanager
    def connection(self) -> Iterator[OpsConnection]:
        """Lend a connection. Raise Unavailable when the database cannot be reached or all connections stay in use."""
        try:
            with self._opened().connection(timeout=WAIT_SECONDS) as conn:
                yield conn
        except (PoolTimeout, psycopg.OperationalError, CommonError) as error:
            raise Unavailable(
                "the ops database does not answer; try again shortly", headers={"Retry-After": "5"}
            ) from error

    def close(self) -> None:
        """Give all connections back for good."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _opened(self) -> ConnectionPool[OpsConnection]:
        with self._opening:
            if self._pool is None:
                dsn = self._dsn or connection_from_env("ops_db").postgres_dsn()
                self._pool = ConnectionPool(
                    dsn,
                    min_size=0,
                    max_size=MAX_CONNECTIONS,
                    max_idle=MAX_IDLE_SECONDS,
                    timeout=WAIT_SECONDS,
                    check=ConnectionPool.check_connection,
                    kwargs={
                        "autocommit": True,
                        "row_factory": dict_row,
                        "application_name": "ops_console",
                        "options": "-c TimeZone=UTC",
                    },
                    name="ops_console",
                    open=True,
                )
            return self._pool
