"""Giving a database role its password."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

UNPRIVILEGED = sql.SQL("ALTER ROLE {} WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD {}")


def set_login(admin: psycopg.Connection[Any], *, role: str, password: str) -> None:
    """Let the role log in, with no other privilege of its own.

    The password travels as a SCRAM verifier, so that the server's log never shows it.
    """
    verifier = admin.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    admin.execute(UNPRIVILEGED.format(sql.Identifier(role), sql.Literal(verifier)))
