"""Tokens and passwords: made at random, kept as digests."""

from __future__ import annotations

import hashlib
import hmac
import secrets

# scrypt as OWASP advises for interactive log-ins: 16 MB and about 50 ms per guess.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**14, 8, 1
_PASSWORD_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"  # noqa: S105 - no look-alikes
_PASSWORD_GROUPS, _PASSWORD_GROUP_CHARACTERS = 4, 5


def new_token(prefix: str) -> str:
    """Return an unguessable token (256 bits) that says what it is for."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def digest(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def new_password() -> str:
    """Return a password that a person can type: four groups of five, 115 bits."""
    groups = (
        "".join(secrets.choice(_PASSWORD_ALPHABET) for _ in range(_PASSWORD_GROUP_CHARACTERS))
        for _ in range(_PASSWORD_GROUPS)
    )
    return "-".join(groups)


def hash_password(password: str) -> str:
    """Return what is kept of a password. Takes about 50 ms: not for the event loop."""
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${_scrypt(password, salt).hex()}"


def password_matches(password: str, kept: str | None) -> bool:
    """Tell whether the password is the one; as slow for an account that does not exist as for one that does."""
    _name, salt, expected = (kept or f"scrypt${'00' * 16}$").split("$")
    found = _scrypt(password, bytes.fromhex(salt))
    return kept is not None and hmac.compare_digest(found.hex(), expected)


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P)
