"""Links that are their own permission: a random token in the address, its hash in the database."""

from __future__ import annotations

import hashlib
import secrets

TOKEN_BYTES = 32


def new_token() -> str:
    """Return a token with 256 random bits that can stand in an address."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> bytes:
    """Return what is stored instead of a token; nothing slower is needed for random ones."""
    return hashlib.sha256(token.encode()).digest()
