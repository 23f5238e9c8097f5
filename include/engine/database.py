"""The engine's connections to the ops database: asynchronous, in UTC, reconnected when the server comes back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, NoReturn

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

log = logging.getLogger(__name__)

AsyncConnection = psycopg.AsyncConnection[DictRow]
Pool = AsyncConnectionPool[AsyncConnection]

APPLICATION_NAME = "platform-ops-engine"
CONNECT_TIMEOUT_SECONDS = 5
# Idle sessions cost the server about 10 MB each: one is kept, more come when the sweep and a reader meet.
IDLE_CONNECTIONS = 1
MOST_CONNECTIONS = 3
WAIT_FOR_CONNECTION_SECONDS = 5
# psycopg_pool's own retry doubles its pauses up to minutes. Giving up early makes the next caller try afresh.
RECONNECT_SECONDS = 3
RELISTEN_SECONDS = 2
# Who asks for health wants an answer, also when it is no.
HEALTH_SECONDS = 2


def engine_conninfo(dsn: str) -> str:
    """Return the connection string with the engine's name, UTC, and a limit on connecting."""
    options = f"{conninfo_to_dict(dsn).get('options') or ''} -c TimeZone=UTC".strip()
    return make_conninfo(
        dsn, application_name=APPLICATION_NAME, connect_timeout=CONNECT_TIMEOUT_SECONDS, options=options
    )


def make_pool(conninfo: str) -> Pool:
    """Return a closed pool of autocommit connections; each is tried before it is handed out."""
    settings: dict[str, Any] = {"autocommit": True, "row_factory": dict_row}
    return AsyncConnectionPool(
        conninfo,
        connection_class=AsyncConnection,
        kwargs=settings,
        check=AsyncConnectionPool.check_connection,
        min_size=IDLE_CONNECTIONS,
        max_size=MOST_CONNECTIONS,
        timeout=WAIT_FOR_CONNECTION_SECONDS,
        reconnect_timeout=RECONNECT_SECONDS,
        open=False,
        name="engine",
    )


async def is_reachable(pool: Pool) -> bool:
    """Ask the database something, now."""
    try:
        async with pool.connection(timeout=HEALTH_SECONDS) as conn:
            await conn.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


async def listen(conninfo: str, channel: str, on_message: Callable[[], None]) -> NoReturn:
    """Call `on_message` for every NOTIFY on the channel, and once after each connecting: one may have been missed."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as conn:
                await conn.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
                on_message()
                async for _ in conn.notifies():
                    on_message()
        except psycopg.OperationalError as error:
            log.warning("Cannot listen on %s, trying again in %s s: %s", channel, RELISTEN_SECONDS, error)
        await asyncio.sleep(RELISTEN_SECONDS)
