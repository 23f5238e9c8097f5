"""The ledger: who did what to what, when and why, before and after; insert only, hash-chained, anchored outside.

Every change-making job appends here in the transaction of its change. Appending takes a lock that is held until that
transaction ends, so append last and commit soon.

What the chain shows by itself: a changed byte, a removed or inserted row. What only anchors show: a cut tail and a
chain that was rewritten as a whole. Nothing shows a change to entries that are younger than the last anchor and were
chained anew: publish often.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from upath import UPath

from include.store.anchors import Anchor, write_anchor
from include.store.ledger_hash import GENESIS_HASH, LedgerEntry, entry_hash

ROWS_PER_FETCH = 2_000

APPEND = "SELECT * FROM ops.append_ledger_entry(%s, %s, %s, %s, %s, %s)"
HEAD = "SELECT entry_id, entry_hash, at FROM ops.ledger ORDER BY entry_id DESC LIMIT 1"
RECORD_ANCHOR = """
INSERT INTO ops.ledger_anchors (head_entry_id, head_hash, at, where_to) VALUES (%s, %s, %s, %s)
ON CONFLICT (where_to) DO NOTHING
"""
RECORDED_ANCHORS = """
SELECT head_entry_id, head_hash, where_to FROM ops.ledger_anchors
 WHERE starts_with(where_to, %s) ORDER BY head_entry_id
"""
# A tampered instant may be infinite, which no client type can hold: NULL then, which gives another hash.
ENTRIES = """
SELECT entry_id, CASE WHEN isfinite(at) THEN (extract(epoch FROM at) * 1000000)::bigint END AS at_microseconds,
       actor, action, target, reason, before::text AS before, after::text AS after, recorded_by, prev_hash, entry_hash
  FROM ops.ledger ORDER BY entry_id
"""


@dataclass(frozen=True, kw_only=True)
class LedgerHead:
    """The last entry. `entry_id` 0 with a hash of zeros and no instant: the ledger is empty."""

    entry_id: int = 0
    entry_hash: bytes = GENESIS_HASH
    at: datetime | None = None


class FaultKind(StrEnum):
    """What is wrong with the first bad entry."""

    CHANGED = "changed"
    REMOVED = "removed"
    REPLACED = "replaced"
    REWRITTEN = "rewritten"
    CUT_OFF = "cut off"


@dataclass(frozen=True, kw_only=True)
class LedgerFault:
    """The first bad entry and what is wrong with it."""

    entry_id: int
    kind: FaultKind
    message: str


@dataclass(frozen=True, kw_only=True)
class VerificationReport:
    """What a verification saw: how many good entries, how far anchors vouch for them, and the first fault."""

    entries: int
    anchors: int
    anchored_up_to: int
    fault: LedgerFault | None

    @property
    def intact(self) -> bool:
        """Tell whether nothing was found."""
        return self.fault is None


def append(
    conn: psycopg.Connection[Any],
    *,
    actor: str,
    action: str,
    target: str,
    reason: str,
    before: Mapping[str, Any] | Sequence[Any] | None = None,
    after: Mapping[str, Any] | Sequence[Any] | None = None,
) -> LedgerHead:
    """Append an entry in the caller's transaction and return it as the new head; the instant is the database's.

    Raises psycopg.errors.InvalidTransactionState outside read committed, where the head might be an old one.
    """
    values = (actor, action, target, reason, _jsonb(before), _jsonb(after))
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(APPEND, values).fetchone()
    return _head(row)


def head(conn: psycopg.Connection[Any]) -> LedgerHead:
    """Return the last entry."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return _head(cursor.execute(HEAD).fetchone())


def publish_anchor(conn: psycopg.Connection[Any], url: str) -> Anchor:
    """Publish the ledger's head below `url` and note in `ops.ledger_anchors` where. The same head is published once.

    Raises AnchorError, AnchorConflict.
    """
    with conn.transaction(), conn.cursor(row_factory=dict_row) as cursor:
        last = head(conn)
        row = cursor.execute("SELECT now() AS at").fetchone() or {}
        anchor = Anchor(entry_id=last.entry_id, entry_hash=last.entry_hash, published_at=row["at"])
        where_to = write_anchor(url, anchor)
        cursor.execute(RECORD_ANCHOR, (anchor.entry_id, anchor.entry_hash, anchor.published_at, where_to))
    return anchor


def verify(conn: psycopg.Connection[Any], anchors: Iterable[Anchor]) -> VerificationReport:
    """Check the whole chain against itself and the anchors, up to the first fault.

    Reads in batches of `ROWS_PER_FETCH` from one snapshot, so that memory stays flat and appends go on meanwhile. Load
    the anchors *before*: one published later may be of an entry that this snapshot does not have.
    """
    chain = _Chain(anchors)
    with conn.transaction(), conn.cursor(name="verify_ledger", row_factory=dict_row) as cursor:
        cursor.itersize = ROWS_PER_FETCH
        fault = chain.first_fault(_entries(cursor.execute(ENTRIES)))
    return VerificationReport(
        entries=chain.entries, anchors=chain.anchors, anchored_up_to=chain.anchored_up_to, fault=fault
    )


def missing_anchors(conn: psycopg.Connection[Any], url: str, anchors: Iterable[Anchor]) -> tuple[str, ...]:
    """Return the addresses below `url` at which an anchor was published that is not among those found there now."""
    found = {(anchor.entry_id, anchor.entry_hash) for anchor in anchors}
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(RECORDED_ANCHORS, (str(UPath(url)),)).fetchall()
    return tuple(row["where_to"] for row in rows if (row["head_entry_id"], row["head_hash"]) not in found)


class _Chain:
    """One walk along the chain, remembering the last good entry and the last anchor that agreed."""

    def __init__(self, anchors: Iterable[Anchor]) -> None:
        self._waiting = sorted(anchors, key=lambda anchor: anchor.entry_id, reverse=True)
        self._last_hash = GENESIS_HASH
        self.anchors = len(self._waiting)
        self.entries = 0
        self.anchored_up_to = 0

    def first_fault(self, entries: Iterable[tuple[LedgerEntry, bytes]]) -> LedgerFault | None:
        """Return the first fault, or None when every entry and every anchor is as it should be."""
        fault = self._contradicted()
        for entry, stored_hash in entries:
            fault = fault or self._entry_fault(entry, stored_hash)
            if fault:
                break
            self.entries = entry.entry_id
            self._last_hash = stored_hash
            fault = self._contradicted()
        return fault or self._cut_off()

    def _entry_fault(self, entry: LedgerEntry, stored_hash: bytes) -> LedgerFault | None:
        expected_id = self.entries + 1
        if entry.entry_id != expected_id:
            message = f"entry {expected_id} was removed: after entry {self.entries} comes entry {entry.entry_id}"
            return LedgerFault(entry_id=expected_id, kind=FaultKind.REMOVED, message=message)
        if entry_hash(entry) != stored_hash:
            message = f"entry {entry.entry_id} was changed: its content does not give its hash {stored_hash.hex()}"
            return LedgerFault(entry_id=entry.entry_id, kind=FaultKind.CHANGED, message=message)
        if entry.prev_hash != self._last_hash:
            return self._replaced(entry)
        return None

    def _replaced(self, entry: LedgerEntry) -> LedgerFault:
        """The entry is sound in itself but was written after another predecessor: that one was put in place of it."""
        suspect = max(self.entries, 1)
        message = (
            f"entry {suspect} was replaced: entry {entry.entry_id} was written after one with the hash "
            f"{entry.prev_hash.hex()}, found {self._last_hash.hex()}"
        )
        return LedgerFault(entry_id=suspect, kind=FaultKind.REPLACED, message=message)

    def _contradicted(self) -> LedgerFault | None:
        """Compare the entry just passed with the anchors that were published of it."""
        vouched = self.anchored_up_to
        while self._waiting and self._waiting[-1].entry_id == self.entries:
            anchor = self._waiting.pop()
            if anchor.entry_hash != self._last_hash:
                message = (
                    f"the chain was rewritten between entry {vouched + 1} and entry {self.entries}: the "
                    f"anchor of {anchor.published_at.isoformat()} has the hash {anchor.entry_hash.hex()} "
                    f"for entry {self.entries}, found {self._last_hash.hex()}"
                )
                return LedgerFault(entry_id=vouched + 1, kind=FaultKind.REWRITTEN, message=message)
            self.anchored_up_to = anchor.entry_id
        return None

    def _cut_off(self) -> LedgerFault | None:
        if not self._waiting:
            return None
        newest = self._waiting[0]
        message = (
            f"the end was cut off: the last entry is {self.entries}, but the anchor of "
            f"{newest.published_at.isoformat()} vouches for entry {newest.entry_id}"
        )
        return LedgerFault(entry_id=self.entries + 1, kind=FaultKind.CUT_OFF, message=message)


def _entries(rows: Iterable[DictRow]) -> Iterator[tuple[LedgerEntry, bytes]]:
    for row in rows:
        stored_hash = row.pop("entry_hash")
        yield LedgerEntry(**row), stored_hash


def _head(row: DictRow | None) -> LedgerHead:
    return LedgerHead(**row) if row else LedgerHead()


def _jsonb(value: Mapping[str, Any] | Sequence[Any] | None) -> Jsonb | None:
    return None if value is None else Jsonb(value, dumps=_dumps)


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"a ledger entry holds JSON and instants, not {type(value).__name__}")
