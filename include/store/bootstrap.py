"""What a superuser prepares once on the state cluster: roles, the databases `ops` and `airflow`, the schema `ops`.

One role per process, each with what it needs (the grants are in the migrations):

| role           | logs in | is |
|----------------|---------|----|
| `ops_owner`    | no      | the owner of every object in `ops` |
| `ops_migrator` | yes     | member of `ops_owner`: migrations, API keys |
| `ops_tasks`    | yes     | Airflow's tasks |
| `ops_console`  | yes     | the pages and the API inside Airflow's api-server |
| `ops_engine`   | yes     | the engine |
| `ops_auditor`  | yes     | reads the ledger, publishes and checks its anchors |
| `airflow`      | yes     | owner of Airflow's metadata database, no right in `ops` |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow

from include.store.connection import connect
from include.store.errors import PasswordsMissing
from include.store.logins import set_login

OWNER = "ops_owner"
MIGRATOR = "ops_migrator"
TASKS = "ops_tasks"
CONSOLE = "ops_console"
ENGINE = "ops_engine"
AUDITOR = "ops_auditor"
AIRFLOW = "airflow"

OPS_LOGINS = (MIGRATOR, TASKS, CONSOLE, ENGINE, AUDITOR)
OPS_DATABASE = "ops"
AIRFLOW_DATABASE = "airflow"
SCHEMA = "ops"

# Two bootstraps at once would both find a role missing and both create it.
BOOTSTRAP_LOCK = 7_305_001

# With the locale "C", pg_trgm takes no Korean letter for a letter and every two Korean names for different.
LOCALE = "C.UTF-8"


@dataclass(frozen=True, kw_only=True)
class Bootstrapped:
    """What was created; all empty on a second run."""

    roles: tuple[str, ...]
    databases: tuple[str, ...]


def password_variable(role: str) -> str:
    """Return the environment variable that holds the password of a role."""
    return "AIRFLOW_DB_PASSWORD" if role == AIRFLOW else f"{role.upper()}_PASSWORD"


def passwords_from(environ: Mapping[str, str], roles: Sequence[str] = (*OPS_LOGINS, AIRFLOW)) -> Mapping[str, str]:
    """Read the roles' passwords. Raises PasswordsMissing naming every variable that is not set."""
    missing = [password_variable(role) for role in roles if not environ.get(password_variable(role))]
    if missing:
        raise PasswordsMissing(missing)
    return {role: environ[password_variable(role)] for role in roles}


def bootstrap(admin_dsn: str, passwords: Mapping[str, str], *, ops_database: str = OPS_DATABASE) -> Bootstrapped:
    """Create what is missing of roles, databases and schema, and set the passwords; run it as often as you like.

    Airflow's database is created when `passwords` has one for its role.
    """
    owners = {ops_database: OWNER} | ({AIRFLOW_DATABASE: AIRFLOW} if AIRFLOW in passwords else {})
    with connect(admin_dsn, application_name="ops-bootstrap", autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", (BOOTSTRAP_LOCK,))
        roles = _create_roles(admin, passwords)
        databases = tuple(name for name, owner in owners.items() if _create_database(admin, name=name, owner=owner))
        for name in owners:
            admin.execute(_statement("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC", name))
        admin.execute(_statement("GRANT CONNECT ON DATABASE {} TO {}", ops_database, *OPS_LOGINS))
    with connect(make_conninfo(admin_dsn, dbname=ops_database), application_name="ops-bootstrap") as ops:
        ops.execute(_statement("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}", SCHEMA, OWNER))
    return Bootstrapped(roles=roles, databases=databases)


def _create_roles(admin: psycopg.Connection[DictRow], passwords: Mapping[str, str]) -> tuple[str, ...]:
    existing = {row["rolname"] for row in admin.execute("SELECT rolname FROM pg_roles")}
    wanted = (OWNER, *passwords)
    created = tuple(role for role in wanted if role not in existing)
    for role in created:
        admin.execute(_statement("CREATE ROLE {} NOLOGIN", role))
    for role, password in passwords.items():
        set_login(admin, role=role, password=password)
    if MIGRATOR in passwords:
        admin.execute(_statement("GRANT {} TO {}", OWNER, MIGRATOR))
    return created


def _create_database(admin: psycopg.Connection[DictRow], *, name: str, owner: str) -> bool:
    if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
        return False
    statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LOCALE {}")
    admin.execute(statement.format(sql.Identifier(name), sql.Identifier(owner), sql.Literal(LOCALE)))
    return True


def _statement(template: LiteralString, first: str, *others: str) -> sql.Composed:
    """Fill one identifier and, where the statement has a second place, a list of identifiers into it."""
    return sql.SQL(template).format(sql.Identifier(first), sql.SQL(", ").join(map(sql.Identifier, others)))
