"""psycopg 3 connections of the project's databases, from Airflow's connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from include.common.connections import ConnectionInfo
from include.store.connection import connect

if TYPE_CHECKING:
    from psycopg import Connection

APPLICATION_NAME = "platform-ops"


def connection_info(conn_id: str) -> ConnectionInfo:
    """Return an Airflow connection (environment, secrets backend or UI) as the plain value that `include` takes.

    Raises AirflowNotFoundException when there is no such connection.
    """
    found = BaseHook.get_connection(conn_id)
    return ConnectionInfo(
        conn_type=found.conn_type or "",
        host=found.host or "",
        port=found.port,
        login=found.login or "",
        password=found.password or "",
        schema=found.schema or "",
        extra=found.extra_dejson,
    )


@contextmanager
def database(conn_id: str = "ops_db") -> Iterator[Connection[dict[str, Any]]]:
    """Yield an open connection (autocommit, rows as dicts) and close it; a killed process gives up its locks."""
    with connect(connection_info(conn_id), application_name=APPLICATION_NAME, autocommit=True) as connection:
        yield connection
