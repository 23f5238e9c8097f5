"""Connections to PostgreSQL: psycopg 3, rows as dictionaries, instants in UTC."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from include.common.connections import ConnectionInfo

CONNECT_TIMEOUT_SECONDS = 10


def connect(
    target: ConnectionInfo | str, *, application_name: str, autocommit: bool = False
) -> psycopg.Connection[DictRow]:
    """Connect to a database given as connection or libpq string.

    `application_name` tells an operator in `pg_stat_activity` whose session it is. The session's time zone is UTC, so
    that every timestamp comes back as an aware datetime in UTC. Raises psycopg.OperationalError when nobody answers.
    """
    dsn = target if isinstance(target, str) else target.postgres_dsn()
    given = conninfo_to_dict(dsn)
    options = f"{given.get('options') or ''} -c TimeZone=UTC".strip()
    return psycopg.connect(
        make_conninfo(
            dsn,
            application_name=application_name,
            connect_timeout=given.get("connect_timeout") or CONNECT_TIMEOUT_SECONDS,
            options=options,
        ),
        autocommit=autocommit,
        row_factory=dict_row,
    )
