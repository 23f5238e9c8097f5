"""Who is calling: the platform's one service client, or somebody with a token of one event."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.platform_api.credentials import digest, new_token
from sandbox.platform_api.database import Connection
from sandbox.platform_api.errors import unauthorized


@dataclass(frozen=True)
class EventToken:
    """A token that was shown: its event, and the database role that it stands for."""

    slug: str
    role_name: str
    account_id: str | None


def bearer_token(headers: Mapping[str, str]) -> str:
    """Return the bearer token of a request. Raises PlatformError (401) without one."""
    scheme, _separator, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthorized()
    return token


def check_service_token(headers: Mapping[str, str], *, expected: str) -> None:
    """Raise PlatformError (401) unless the caller is the service client."""
    if not expected or not hmac.compare_digest(bearer_token(headers).encode(), expected.encode()):
        raise unauthorized()


async def find_token(connection: Connection, token: str) -> EventToken:
    """Return what a token stands for. Raises PlatformError (401) when it is unknown or expired."""
    cursor = await connection.execute(
        "SELECT slug, role_name, account_id FROM platform_api.tokens"
        " WHERE token_hash = %s AND (expires_at IS NULL OR expires_at > now())",
        (digest(token),),
    )
    row = await cursor.fetchone()
    if row is None:
        raise unauthorized()
    return EventToken(**row)


async def issue_token(
    connection: Connection,
    *,
    kind: str,
    slug: str,
    role_name: str,
    account_id: str | None = None,
    lifetime: timedelta | None = None,
) -> tuple[str, datetime | None]:
    """Make a token (kind: account, probe or session) and return it with its expiry; only its digest is kept."""
    token = new_token(f"evt_{kind}")
    cursor = await connection.execute(
        "INSERT INTO platform_api.tokens (token_hash, kind, slug, role_name, account_id, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, now() + %s::interval) RETURNING expires_at",
        (digest(token), kind, slug, role_name, account_id, lifetime),
    )
    row = await cursor.fetchone()
    # Expired ones are of no use to anybody; whoever makes a token clears them away.
    await connection.execute("DELETE FROM platform_api.tokens WHERE expires_at < now() - interval '1 day'")
    return token, row["expires_at"] if row else None
