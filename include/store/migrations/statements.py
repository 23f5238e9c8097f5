"""Plain SQL in migrations."""

from typing import LiteralString

import psycopg
from alembic import op


def run(sql: LiteralString) -> None:
    """Execute SQL as it stands, several statements included.

    SQLAlchemy always hands parameters to psycopg, which would then read every `%` as a place for one and take a single
    statement only; the driver's own connection, in the same transaction, does neither.
    """
    driver = op.get_bind().connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError(f"expected a psycopg connection, found {type(driver).__name__}")
    driver.execute(sql)
