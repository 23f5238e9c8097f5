"""The canonical form of a ledger entry: unambiguous, complete, and fixed for ever."""

from dataclasses import fields, replace

from hypothesis import given
from hypothesis import strategies as st

from include.store.ledger_hash import FORMAT, GENESIS_HASH, LedgerEntry, canonical_form, entry_hash

INT8 = st.integers(min_value=-(2**63), max_value=2**63 - 1)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
HASH = st.binary(min_size=32, max_size=32)
ENTRIES = st.builds(
    LedgerEntry,
    prev_hash=HASH,
    entry_id=INT8,
    at_microseconds=st.none() | INT8,
    actor=TEXT,
    action=TEXT,
    target=TEXT,
    reason=TEXT,
    before=st.none() | TEXT,
    after=st.none() | TEXT,
    recorded_by=TEXT,
)

FIRST = LedgerEntry(
    prev_hash=GENESIS_HASH,
    entry_id=1,
    at_microseconds=1_772_323_200_000_000,
    actor="user:manager1",
    action="event.approve",
    target="event_request:r-1",
    reason="봄 음악회",
    before=None,
    after='{"tier": "medium"}',
    recorded_by="ops_tasks",
)


def split(form: bytes) -> list[bytes | None]:
    """Read a canonical form back into its fields: possible only when it is unambiguous."""
    parts: list[bytes | None] = []
    while form:
        length, form = int.from_bytes(form[:8], "big", signed=True), form[8:]
        parts.append(None if length < 0 else form[:length])
        form = form[max(length, 0) :]
    return parts


@given(ENTRIES)
def test_the_form_can_be_read_back(entry: LedgerEntry) -> None:
    marker, *parts = split(canonical_form(entry))

    assert marker == FORMAT
    assert len(parts) == len(fields(LedgerEntry))
    assert parts[0] == entry.prev_hash
    texts = (entry.actor, entry.action, entry.target, entry.reason, entry.before, entry.after, entry.recorded_by)
    assert parts[3:] == [None if text is None else text.encode() for text in texts]


@given(ENTRIES, ENTRIES)
def test_entries_share_a_hash_only_when_they_are_equal(one: LedgerEntry, other: LedgerEntry) -> None:
    assert (entry_hash(one) == entry_hash(other)) == (one == other)


def test_moving_a_letter_to_the_next_field_is_another_entry() -> None:
    moved = replace(FIRST, actor=FIRST.actor + "e", action=FIRST.action[1:])

    assert entry_hash(moved) != entry_hash(FIRST)


def test_nothing_is_not_the_empty_text() -> None:
    assert entry_hash(replace(FIRST, before="")) != entry_hash(FIRST)


def test_the_hash_of_a_known_entry_never_changes() -> None:
    """Old ledgers must stay verifiable: who has to change this value has broken every one that exists."""
    assert entry_hash(FIRST).hex() == "6a150a8270b3b65613c1f3c0c1d35fdd77a8b3b74bc4712d4421d144e8c53dc8"
