"""The platform's database, as its API uses it.

Statements on an event's own tables run under the role that belongs to the *caller's token*. The role `platform_api` is
NOINHERIT, so PostgreSQL itself refuses a token of another event.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from sandbox.platform_api.errors import forbidden, unavailable

Row = dict[str, Any]
Connection = psycopg.AsyncConnection[Row]

_MOST_CONNECTIONS = 6
_CONNECT_SECONDS = 3.0
_IDLE_SECONDS = 120.0
_STATEMENT_TIMEOUT_MS = 5000


class PlatformDatabase:
    """Connections of the role `platform_api`; none is held while nobody asks."""

    def __init__(self, dsn: str) -> None:
        self._pool: AsyncConnectionPool[Connection] | None = None
        if dsn:
            self._pool = AsyncConnectionPool(
                dsn,
                min_size=0,
                max_size=_MOST_CONNECTIONS,
                max_idle=_IDLE_SECONDS,
                timeout=_CONNECT_SECONDS,
                reconnect_timeout=_CONNECT_SECONDS,
                # The database may have been restarted since: one round trip is cheaper than a failed request.
                check=AsyncConnectionPool.check_connection,
                kwargs={
                    "row_factory": dict_row,
                    "application_name": "platform-api",
                    "options": f"-c statement_timeout={_STATEMENT_TIMEOUT_MS}",
                },
                open=False,
            )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the pool open for the duration of the block."""
        if self._pool is None:
            yield
            return
        await self._pool.open(wait=False)
        try:
            yield
        finally:
            await self._pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Give a connection inside a transaction.

        Raises PlatformError (503) when the database cannot be reached.
        """
        if self._pool is None:
            raise unavailable("the platform has no database: PLATFORM_API_DSN is not set")
        try:
            async with self._pool.connection() as connection:
                yield connection
        except (PoolTimeout, psycopg.OperationalError) as error:
            raise unavailable("the platform's database does not answer") from error

    @asynccontextmanager
    async def transaction_as(self, role_name: str) -> AsyncIterator[Connection]:
        """Give a connection inside a transaction under an event's role, to the end of that transaction.

        Raises PlatformError: 403 when PostgreSQL refuses the role what it tries, 503 when it cannot be reached.
        """
        try:
            async with self.transaction() as connection:
                await connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role_name)))
                yield connection
        except psycopg.errors.InsufficientPrivilege as error:
            raise forbidden(error.diag.message_primary or "permission denied") from error
        except psycopg.errors.InvalidParameterValue as error:
            raise forbidden(f"role {role_name} does not exist any more") from error
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise unavailable("the event's schema does not exist") from error
