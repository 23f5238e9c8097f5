"""Create the platform's database, roles and tables; what is there stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

HERE = Path(__file__).resolve().parent
SQL_FILES = ("schema.sql", "platform_api.sql")

# The API holds the roles of all events and takes one only for the request of that event's token, hence NOINHERIT.
API = "platform_api"
READ_ONLY = "platform_readonly"
ROLES = {API: sql.SQL("NOINHERIT"), READ_ONLY: sql.SQL("NOLOGIN")}


def install(dsn: str, *, api_password: str) -> None:
    """Install everything in the database that `dsn` names, creating it when it is missing. `dsn` is a superuser's."""
    name = str(conninfo_to_dict(dsn)["dbname"])
    with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as admin:
        _create_roles(admin, api_password)
        _create_database(admin, name)
    with psycopg.connect(dsn) as conn:
        for file in SQL_FILES:
            conn.execute((HERE / file).read_text(encoding="utf-8"))


def _create_roles(admin: psycopg.Connection[Any], api_password: str) -> None:
    existing = {name for (name,) in admin.execute("SELECT rolname FROM pg_roles")}
    for role, attributes in ROLES.items():
        if role not in existing:
            admin.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(role), attributes))
    verifier = admin.pgconn.encrypt_password(api_password.encode(), API.encode(), b"scram-sha-256").decode()
    statement = sql.SQL("ALTER ROLE {} WITH LOGIN PASSWORD {}")
    admin.execute(statement.format(sql.Identifier(API), sql.Literal(verifier)))


def _create_database(admin: psycopg.Connection[Any], name: str) -> None:
    database = sql.Identifier(name)
    if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'")
        admin.execute(statement.format(database))
    admin.execute(sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(database))
    admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(API)))
