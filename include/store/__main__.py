"""Command line of the `ops` database: `python -m include.store COMMAND --help`."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Mapping, Sequence

import psycopg

from include.common.connections import find_connection
from include.common.errors import CommonError
from include.settings import get_settings
from include.store import api_keys
from include.store.anchors import load_anchors
from include.store.bootstrap import AUDITOR, MIGRATOR, bootstrap, passwords_from
from include.store.connection import connect
from include.store.errors import DatabaseNotGiven, StoreError
from include.store.ledger import missing_anchors, publish_anchor, verify
from include.store.ledger_checks import require_trusted
from include.store.local_stack import local_stack_dsn
from include.store.migrate import HEAD, downgrade, migrate

FAILED = 1
MISUSED = 2

Run = Callable[[argparse.Namespace], int]


def parser() -> argparse.ArgumentParser:
    """Return the parser; each command carries its function as `run`."""
    root = argparse.ArgumentParser(prog="python -m include.store", description=__doc__)
    commands = root.add_subparsers(required=True, metavar="COMMAND")

    command = _command(commands, "bootstrap", _bootstrap, "create roles, databases and schema (superuser, idempotent)")
    command.add_argument("--admin-dsn", default=os.environ.get("OPS_ADMIN_DSN"), help="superuser (OPS_ADMIN_DSN)")

    command = _command(commands, "migrate", _migrate, "bring the schema up to date")
    _add_dsn(command, "OPS_MIGRATION_DSN")
    command.add_argument("--to", default=HEAD, metavar="REVISION", help="default: the newest")

    command = _command(commands, "downgrade", _downgrade, "take the schema down; data of removed tables is lost")
    _add_dsn(command, "OPS_MIGRATION_DSN")
    command.add_argument("revision", help='a revision, or "base" for an empty schema')

    command = _command(commands, "verify-ledger", _verify_ledger, "check the chain against itself and its anchors")
    _add_dsn(command, "OPS_AUDITOR_DSN")
    _add_anchors(command)

    command = _command(commands, "publish-anchor", _publish_anchor, "publish the ledger's head outside")
    _add_dsn(command, "OPS_AUDITOR_DSN")
    _add_anchors(command)

    command = _command(commands, "issue-api-key", _issue_api_key, "give a customer an API key; it is shown this once")
    _add_dsn(command, "OPS_MIGRATION_DSN")
    command.add_argument("--customer", required=True, metavar="ID", help="customer id: small letters, digits, - and _")
    command.add_argument("--name", required=True, help="the customer's name")
    command.add_argument("--email", required=True, help="the customer's e-mail address")
    command.add_argument("--note", default="", help="what the key is for")

    command = _command(commands, "revoke-api-key", _revoke_api_key, "make an API key useless at once")
    _add_dsn(command, "OPS_MIGRATION_DSN")
    command.add_argument("key_id", help="the ten characters after pok_")

    command = _command(commands, "list-api-keys", _list_api_keys, "show who has which key and when it was last used")
    _add_dsn(command, "OPS_MIGRATION_DSN")
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns 0, 1 when what was checked is not right, 2 when it could not be run."""
    options = parser().parse_args(arguments)
    run: Run = options.run
    try:
        return run(options)
    except (StoreError, CommonError, psycopg.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return MISUSED


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: Run, summary: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=summary, description=summary)
    command.set_defaults(run=run)
    return command


def _add_dsn(command: argparse.ArgumentParser, variable: str) -> None:
    command.add_argument("--dsn", default=os.environ.get(variable), help=f"database to work on ({variable})")
    command.set_defaults(dsn_variable=variable)


def _add_anchors(command: argparse.ArgumentParser) -> None:
    command.add_argument("--anchors", metavar="URL", help="where anchors are (default: the setting ledger_anchor_url)")


def _given(dsn: str | None, *, option: str, variable: str) -> str:
    if not dsn:
        raise DatabaseNotGiven(f"no database given: use {option} or set {variable}")
    return dsn


def _bootstrap(options: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> int:
    dsn = _given(options.admin_dsn, option="--admin-dsn", variable="OPS_ADMIN_DSN")
    done = bootstrap(dsn, passwords_from(environ))
    print(f"roles created: {', '.join(done.roles) or 'none'}; databases created: {', '.join(done.databases) or 'none'}")
    return 0


def _migrate(options: argparse.Namespace) -> int:
    migrate(_given(options.dsn, option="--dsn", variable=options.dsn_variable), to=options.to)
    print(f"migrated to {options.to}")
    return 0


def _downgrade(options: argparse.Namespace) -> int:
    downgrade(_given(options.dsn, option="--dsn", variable=options.dsn_variable), to=options.revision)
    print(f"downgraded to {options.revision}")
    return 0


def _verify_ledger(options: argparse.Namespace) -> int:
    url = options.anchors or get_settings().ledger_anchor_url
    anchors = load_anchors(url)
    with connect(_auditor_dsn(options), application_name="ops-verify-ledger") as conn:
        report = verify(conn, anchors)
        missing = missing_anchors(conn, url, anchors)
    for address in missing:
        print(f"MISSING ANCHOR: {address} was published and is gone")
    if report.fault:
        print(f"TAMPERED: {report.fault.message}")
        print(f"first bad entry: {report.fault.entry_id}")
    print(
        f"{report.entries} good entries, {report.anchors} anchors at {url}, vouched for up to {report.anchored_up_to}"
    )
    return 0 if report.intact and not missing else FAILED


def _publish_anchor(options: argparse.Namespace) -> int:
    url = options.anchors or get_settings().ledger_anchor_url
    with connect(_auditor_dsn(options), application_name="ops-publish-anchor") as conn:
        require_trusted(conn)
        anchor = publish_anchor(conn, url)
    print(f"entry {anchor.entry_id} anchored as {anchor.name} at {url}")
    return 0


def _auditor_dsn(options: argparse.Namespace) -> str:
    configured = find_connection("ops_db")
    dsn = options.dsn or (configured.postgres_dsn() if configured else local_stack_dsn(AUDITOR))
    return _given(dsn, option="--dsn", variable=options.dsn_variable)


def _migrator_dsn(options: argparse.Namespace) -> str:
    """Return the database for what adds and changes rows; the schema's own commands want theirs named."""
    return _given(options.dsn or local_stack_dsn(MIGRATOR), option="--dsn", variable=options.dsn_variable)


def _issue_api_key(options: argparse.Namespace) -> int:
    with connect(_migrator_dsn(options), application_name="issue-api-key") as conn:
        issued = api_keys.issue(
            conn,
            customer_id=options.customer,
            name=options.name,
            email=options.email,
            note=options.note,
            actor=_operator(),
        )
    # The key alone goes to standard output, so that a script can take it from there.
    print(f"issued key {issued.key_id} to {options.customer}; it is shown this once:", file=sys.stderr)
    print(issued.key)
    return 0


def _revoke_api_key(options: argparse.Namespace) -> int:
    with connect(_migrator_dsn(options), application_name="revoke-api-key") as conn:
        api_keys.revoke(conn, options.key_id, actor=_operator())
    print(f"revoked {options.key_id}")
    return 0


def _list_api_keys(options: argparse.Namespace) -> int:
    with connect(_migrator_dsn(options), application_name="list-api-keys") as conn:
        for key in api_keys.list_keys(conn):
            state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "live"
            used = f"last used {key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else "never used"
            print("\t".join((key.key_id, key.customer_id, key.customer_name, state, used, key.note)))
    return 0


def _operator() -> str:
    """Return who runs the command, for the ledger."""
    return f"os:{getpass.getuser()}"


if __name__ == "__main__":
    sys.exit(main())
