"""How Alembic reaches the `ops` database: online only, as `ops_owner`, one migration at a time."""

from __future__ import annotations

import psycopg
from alembic import context
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from include.store.bootstrap import OPS_LOGINS, OWNER, SCHEMA
from include.store.errors import NotBootstrapped

MIGRATION_LOCK = 7_305_002
MISSING = """
SELECT 'role ' || name AS missing FROM unnest(CAST(:roles AS text[])) AS name
 WHERE name NOT IN (SELECT rolname FROM pg_roles)
UNION ALL
SELECT 'schema ' || :schema WHERE :schema NOT IN (SELECT nspname FROM pg_namespace)
"""


def run_migrations() -> None:
    """Migrate in one transaction: either the whole way or not at all."""
    dsn = context.config.attributes["dsn"]
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(dsn, application_name="ops-migrate"),
        poolclass=NullPool,
    )
    with engine.begin() as connection:
        _check_bootstrapped(connection)
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.exec_driver_sql(f"SET LOCAL ROLE {OWNER}")
        context.configure(connection=connection, version_table_schema=SCHEMA, version_table="migration")
        with context.begin_transaction():
            context.run_migrations()


def _check_bootstrapped(connection: Connection) -> None:
    missing = connection.execute(text(MISSING), {"roles": [OWNER, *OPS_LOGINS], "schema": SCHEMA}).scalars().all()
    if missing:
        raise NotBootstrapped(missing)


run_migrations()
