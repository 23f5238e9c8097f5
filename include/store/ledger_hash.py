"""The canonical form of a ledger entry, and its hash.

`ops.append_ledger_entry` computes the same in SQL when it writes; this second implementation is what a verifier trusts.
The form is unambiguous because every field stands behind its length: 8 bytes big-endian, -1 for NULL, then the bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

FORMAT = b"platform-ops-ledger-v1"
GENESIS_HASH = bytes(32)
_NULL_LENGTH = -1


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """What is hashed of an entry. `before` and `after` are PostgreSQL's own text of the jsonb values."""

    prev_hash: bytes
    entry_id: int
    at_microseconds: int | None
    actor: str
    action: str
    target: str
    reason: str
    before: str | None
    after: str | None
    recorded_by: str


def entry_hash(entry: LedgerEntry) -> bytes:
    """Return the SHA-256 that belongs in the entry's `entry_hash`: 32 bytes."""
    return hashlib.sha256(canonical_form(entry)).digest()


def canonical_form(entry: LedgerEntry) -> bytes:
    """Return the bytes that are hashed."""
    texts = (entry.actor, entry.action, entry.target, entry.reason, entry.before, entry.after, entry.recorded_by)
    fields = (
        FORMAT,
        entry.prev_hash,
        _int8(entry.entry_id),
        None if entry.at_microseconds is None else _int8(entry.at_microseconds),
        *(None if text is None else text.encode() for text in texts),
    )
    return b"".join(_delimited(value) for value in fields)


def _int8(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


def _delimited(value: bytes | None) -> bytes:
    return _int8(_NULL_LENGTH) if value is None else _int8(len(value)) + value
