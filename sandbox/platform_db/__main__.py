"""Command line of the events platform's database: `python -m sandbox.platform_db install|seed --dsn ...`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date, datetime

import psycopg

from sandbox.platform_db.generator import KOREA
from sandbox.platform_db.install import install
from sandbox.platform_db.seed import seed

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

    command = commands.add_parser("seed", help="load invented years; the same arguments give the same rows")
    command.add_argument("--dsn", required=True, help="the platform's database, as superuser")
    command.add_argument("--rows", type=int, default=200_000, help="rows over all tables (default: %(default)s)")
    command.add_argument("--seed", type=int, default=20240301, help="start of the randomness (default: %(default)s)")
    command.add_argument(
        "--until",
        type=date.fromisoformat,
        default=datetime.now(KOREA).date(),
        help="end of the past, YYYY-MM-DD (default: today in Korea)",
    )
    command.set_defaults(run=_seed)
    return root


def _install(options: argparse.Namespace) -> int:
    password = os.environ.get(PASSWORD_VARIABLE)
    if not password:
        print(f"error: {PASSWORD_VARIABLE} is not set", file=sys.stderr)
        return MISUSED
    install(options.dsn, api_password=password)
    print("the platform's schema is installed")
    return 0


def _seed(options: argparse.Namespace) -> int:
    done = seed(
        options.dsn,
        rows=options.rows,
        seed=options.seed,
        until=options.until,
        announce=lambda line: print(line, flush=True),
    )
    total = sum(done.rows.values())
    print(f"{total:,} rows were there already" if done.skipped else f"{total:,} rows in {done.seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
