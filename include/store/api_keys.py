"""API keys of customers: issued and revoked by a command, kept as a hash.

A key is `pok_<key id>_<secret>`. The key id may be read by anybody (it is what the log and the list show). The secret
has 256 random bits, so a plain SHA-256 is enough to keep it (a slow hash protects guessable passwords only) and looking
the hash up by equality gives away nothing about it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from include.store import ledger
from include.store.errors import StoreError

KEY_ID_BYTES = 5
SECRET_BYTES = 32
KEY_PATTERN = re.compile(r"pok_(?P<key_id>[0-9a-f]{10})_[A-Za-z0-9_-]{43}", re.ASCII)


class UnknownKey(StoreError):
    """There is no key with this id, or it is revoked already."""


@dataclass(frozen=True, kw_only=True)
class IssuedKey:
    """A new key. `key` is shown once and stored nowhere."""

    key_id: str
    key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class KeyHolder:
    """The customer that a presented key belongs to."""

    key_id: str
    customer_id: str


@dataclass(frozen=True, kw_only=True)
class KeyRecord:
    """What may be known about a key: all but the key."""

    key_id: str
    customer_id: str
    customer_name: str
    note: str
    created_at: datetime
    created_by: str
    revoked_at: datetime | None
    last_used_at: datetime | None


def key_id_of(key: str) -> str | None:
    """Return the public part of a well-formed key, None for anything else."""
    match = KEY_PATTERN.fullmatch(key)
    return match["key_id"] if match else None


def key_hash(key: str) -> bytes:
    """Return what is stored instead of the key."""
    return hashlib.sha256(key.encode()).digest()


def issue(
    conn: psycopg.Connection[Any], *, customer_id: str, name: str, email: str, note: str, actor: str
) -> IssuedKey:
    """Create a key for a customer (entered or brought up to date on the way) and write it into the ledger."""
    key_id = secrets.token_hex(KEY_ID_BYTES)
    issued = IssuedKey(key_id=key_id, key=f"pok_{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}")
    with conn.transaction():
        conn.execute(
            "INSERT INTO ops.customers (customer_id, name, email) VALUES (%s, %s, %s)"
            " ON CONFLICT (customer_id) DO UPDATE SET name = excluded.name, email = excluded.email",
            (customer_id, name, email.lower()),
        )
        conn.execute(
            "INSERT INTO ops.api_keys (key_id, customer_id, key_hash, note, created_by) VALUES (%s, %s, %s, %s, %s)",
            (key_id, customer_id, key_hash(issued.key), note, actor),
        )
        after = {"customer_id": customer_id, "note": note}
        _enter(conn, actor=actor, action="api_key.issue", key_id=key_id, before=None, after=after)
    return issued


def revoke(conn: psycopg.Connection[Any], key_id: str, *, actor: str) -> None:
    """Make a key useless at once. Raise UnknownKey when there is no such live key."""
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute("UPDATE ops.api_keys SET revoked_at = now() WHERE key_id = %s AND revoked_at IS NULL", (key_id,))
        if cursor.rowcount == 0:
            raise UnknownKey(f"no live key has the id {key_id!r}: `list-api-keys` shows those there are")
        _enter(conn, actor=actor, action="api_key.revoke", key_id=key_id, before={"live": True}, after={"live": False})


def find(conn: psycopg.Connection[Any], key: str) -> KeyHolder | None:
    """Return whose live key this is, and note its use (to the minute: not a write per request)."""
    if key_id_of(key) is None:
        return None
    with conn.cursor(row_factory=class_row(KeyHolder)) as cursor:
        holder = cursor.execute(
            "SELECT key_id, customer_id FROM ops.api_keys WHERE key_hash = %s AND revoked_at IS NULL", (key_hash(key),)
        ).fetchone()
    if holder is not None:
        conn.execute(
            "UPDATE ops.api_keys SET last_used_at = now()"
            " WHERE key_id = %s AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')",
            (holder.key_id,),
        )
    return holder


def list_keys(conn: psycopg.Connection[Any]) -> list[KeyRecord]:
    """Return all keys, revoked ones included, newest first."""
    with conn.cursor(row_factory=class_row(KeyRecord)) as cursor:
        return cursor.execute(
            "SELECT k.key_id, k.customer_id, c.name AS customer_name, k.note,"
            " k.created_at, k.created_by, k.revoked_at, k.last_used_at"
            " FROM ops.api_keys AS k JOIN ops.customers AS c USING (customer_id) ORDER BY k.created_at DESC, k.key_id"
        ).fetchall()


def _enter(
    conn: psycopg.Connection[Any],
    *,
    actor: str,
    action: str,
    key_id: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
) -> None:
    ledger.append(
        conn, actor=actor, action=action, target=f"api_key:{key_id}", reason="command line", before=before, after=after
    )
