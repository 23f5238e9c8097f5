"""Command line of the events platform's database: `python -m sandbox.platform_db install|seed --dsn ...`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import psycopg

from sandbox.platform_db.install import install

PASSWORD_VARIABLE = "PLATFORM_API_PASSWORD"  # noqa: S105 - the name of a variable
MISUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns 0, or 2 when it could not be run."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except psycopg.Error as error:
        print(f"error: {error}", file=sys.stderr)
        return MISUSED


def parser() -> argparse.ArgumentParser:
    """Return the parser; each command carries its function as `run`."""
    root = argparse.ArgumentParser(prog="python -m sandbox.platform_db", description=__doc__)
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("install", help="create database, roles and tables (superuser, idempotent)")
    command.add_argument("--dsn", required=True, help="the platform's database, as superuser; created when missing")
    command.set_defaults(run=_install)
    return root


def _install(options: argparse.Namespace) -> int:
    password = os.environ.get(PASSWORD_VARIABLE)
    if not password:
        print(f"error: {PASSWORD_VARIABLE} is not set", file=sys.stderr)
        return MISUSED
    install(options.dsn, api_password=password)
    print("the platform's schema is installed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
