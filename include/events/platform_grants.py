"""What the events platform's DBA installs for us: `python -m include.events.platform_grants install --dsn ...`.

The platform's database is not ours. We get the role `ops_provisioner`, which may call the functions of the schema
`platform_ops` and nothing else: no role of PostgreSQL 15 may create roles without being able to become much more, so
the functions do that, for names of one form only. The SQL next door says what each of them does.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from include.store.connection import connect
from include.store.errors import PasswordsMissing, StoreError
from include.store.logins import set_login

GRANTS_FILE = Path(__file__).with_suffix(".sql")
PROVISIONER = "ops_provisioner"
PASSWORD_VARIABLE = "OPS_PROVISIONER_PASSWORD"  # noqa: S105 - the name of a variable
MISUSED = 2


def install(dsn: str, *, password: str) -> None:
    """Install or renew schema, functions and role in the platform's database. `dsn` logs in as superuser."""
    with connect(dsn, application_name="platform-grants") as conn:
        conn.execute(GRANTS_FILE.read_text(encoding="utf-8"))
        statement = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}")
        conn.execute(statement.format(sql.Identifier(conn.info.dbname), sql.Identifier(PROVISIONER)))
        set_login(conn, role=PROVISIONER, password=password)


def password_from(environ: Mapping[str, str]) -> str:
    """Read the role's password. Raises PasswordsMissing."""
    if not environ.get(PASSWORD_VARIABLE):
        raise PasswordsMissing([PASSWORD_VARIABLE])
    return environ[PASSWORD_VARIABLE]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m include.events.platform_grants")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("install", help="install the functions and the role ops_provisioner (idempotent)")
    command.add_argument("--dsn", required=True, help="the platform's database, as superuser")
    options = parser.parse_args(arguments)
    try:
        install(options.dsn, password=password_from(os.environ))
    except (StoreError, psycopg.Error) as error:
        sys.stderr.write(f"error: {error}\n")
        return MISUSED
    sys.stdout.write("platform_ops installed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
