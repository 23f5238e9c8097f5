"""Run the Alembic migrations of the `ops` database."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

MIGRATIONS_DIR = Path(__file__).resolve().parent / "migrations"
HEAD = "head"


def migrate(dsn: str, *, to: str = HEAD) -> None:
    """Bring the database up to a revision.

    `dsn` logs in as `ops_migrator` or a superuser; the objects belong to `ops_owner` either way.
    Raises NotBootstrapped when roles or the schema are missing.
    """
    command.upgrade(alembic_config(dsn), to)


def downgrade(dsn: str, *, to: str) -> None:
    """Take the database down to a revision ("base" removes everything, data included)."""
    command.downgrade(alembic_config(dsn), to)


def alembic_config(dsn: str) -> Config:
    """Return Alembic's configuration without an ini file; the DSN travels as an attribute because it may hold `%`."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_DIR))
    config.attributes["dsn"] = dsn
    return config
