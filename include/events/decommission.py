"""Taking a live event down: archived first, then away with everything, and back within the grace if need be.

Each part may be killed anywhere and run again: it looks at the world for what is left to do. Nothing is dropped before
an archive of exactly the rows that are dropped was read back from disk.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from include.events.archiving import ArchiveRecord, archive_rows, find_verified_archive
from include.events.decommission_plan import TakeDown, approved_take_down
from include.events.errors import StaleAttempt, UnknownRequest, VerificationFailed
from include.events.event_rows import freeze, schema_exists
from include.events.lifecycle import request_lock, transition
from include.events.names import EventKey
from include.events.rollback import leftovers, things_of
from include.events.steps import schema
from include.events.world import World
from include.store import event_archives as archives
from include.store import events as store

log = logging.getLogger(__name__)

MAY_TAKE_DOWN = frozenset({"completed", "restored", "decommissioning", "decommissioned"})


@dataclass(frozen=True, kw_only=True)
class TakeDownReport:
    """What became of a taken-down event: its archive, and until when it can be restored."""

    request_id: str
    archive: ArchiveRecord
    purge_after: datetime


def take_down(world: World, *, request_id: str, plan_hash: str, archive_dir: Path) -> TakeDownReport:
    """Take a live event down as approved; again, it goes on where it was stopped, or returns what was done.

    Raises PlanChanged, StaleAttempt, ArchiveMissing or ArchiveMismatch before anything is changed.
    """
    ops = world.ops
    with request_lock(ops, request_id):
        row = _row(world, request_id)
        if row["status"] not in MAY_TAKE_DOWN:
            raise StaleAttempt(f"request {request_id!r} is {row['status']}: only a live event can be taken down")
        key = EventKey(request_id=request_id, slug=row["slug"])
        approved = approved_take_down(row, plan_hash)
        archive = find_verified_archive(ops, key=key, archive_dir=archive_dir)
        if row["status"] == "decommissioned" and not is_being_restored(row):
            return TakeDownReport(request_id=request_id, archive=archive, purge_after=row["purge_after"])
        _begin(world, row, approved)
        _remove_all(world, row, key, archive_dir=archive_dir, grace_days=approved.grace_days)
        archive = find_verified_archive(ops, key=key, archive_dir=archive_dir)
        purge_after = _finish(world, row, approved, archive)
    log.info("Request %s is taken down; it can be restored until %s", request_id, purge_after)
    return TakeDownReport(request_id=request_id, archive=archive, purge_after=purge_after)


def verify_taken_down(world: World, *, request_id: str, archive_dir: Path) -> ArchiveRecord:
    """Look at the world: nothing of the event is there any more, and its archive is whole; return that.

    Raises VerificationFailed with everything that is left, ArchiveMissing, ArchiveMismatch.
    """
    left = leftovers(world, request_id=request_id)
    if left:
        raise VerificationFailed([f"still there: {thing}" for thing in left])
    key = EventKey(request_id=request_id, slug=_row(world, request_id)["slug"])
    return find_verified_archive(world.ops, key=key, archive_dir=archive_dir)


def is_being_restored(row: store.Row) -> bool:
    """Tell whether a restore has begun and not ended."""
    return archives.RESTORE_KEY in row["result"]


def _begin(world: World, row: store.Row, approved: TakeDown) -> None:
    """Enter that the event is being taken down, and keep what was made for it for a restore."""
    if row["status"] == "decommissioning":
        return
    with world.ops.transaction():
        transition(
            world.ops,
            request_id=row["request_id"],
            attempt=row["attempt"],
            allowed=MAY_TAKE_DOWN,
            to="decommissioning",
            reason=approved.reason,
            actor=f"user:{row['result'][archives.DECOMMISSION_KEY]['approved_by']}",
            after={"plan_hash": approved.hash},
        )
        # What was made is hidden while the event is down and shown again when it is back.
        made = {name: value for name, value in row["result"].items() if name not in archives.OWN_KEYS}
        if archives.TAKEN_DOWN_KEY not in row["result"]:
            store.merge_result(world.ops, row["request_id"], {archives.TAKEN_DOWN_KEY: made})
        store.drop_result(world.ops, row["request_id"], sorted(made))


def _remove_all(world: World, row: store.Row, key: EventKey, *, archive_dir: Path, grace_days: int) -> None:
    """Remove everything: access first, so that nobody writes any more, then the data, the namespace last."""
    # In a restore that was given up before its rows were loaded, nothing that is there was ever the event's.
    worthless = is_being_restored(row) and not row["result"][archives.RESTORE_KEY].get("rows_loaded")
    for thing in things_of(key, world):
        # Over the session that holds the lock: with the session gone, and the lock with it, this fails too.
        _require_decommissioning(world, row)
        if thing.step == "schema" and not worthless:
            _archive_and_drop(world, key, archive_dir=archive_dir, grace_days=grace_days)
        thing.undo()
        log.info("Request %s: %s removed", key.request_id, thing.name)


def _archive_and_drop(world: World, key: EventKey, *, archive_dir: Path, grace_days: int) -> None:
    """Drop the schema, after a new archive of it if anything came in since the last.

    In one transaction that keeps everybody from writing between the look and the drop.
    """
    if not schema_exists(world.platform, key):
        return
    with world.platform.transaction():
        freeze(world.platform, key)
        archive_rows(world.ops, world.platform, key=key, archive_dir=archive_dir, grace_days=grace_days)
        schema.undo(key, world.platform)


def _finish(world: World, row: store.Row, approved: TakeDown, archive: ArchiveRecord) -> datetime:
    with world.ops.transaction():
        purge_after = archives.start_grace(world.ops, row["request_id"], grace_days=approved.grace_days)
        store.drop_result(world.ops, row["request_id"], [archives.RESTORE_KEY])
        transition(
            world.ops,
            request_id=row["request_id"],
            attempt=row["attempt"],
            allowed={"decommissioning"},
            to="decommissioned",
            reason=approved.reason,
            after={"archive": archive.path, "sha256": archive.sha256, "purge_after": purge_after.isoformat()},
        )
    return purge_after


def _require_decommissioning(world: World, row: store.Row) -> None:
    found = _row(world, row["request_id"])
    if (found["status"], found["attempt"]) != ("decommissioning", row["attempt"]):
        raise StaleAttempt(f"request {row['request_id']!r} is {found['status']}: it is not being taken down any more")


def _row(world: World, request_id: str) -> store.Row:
    row = store.find_request(world.ops, request_id)
    if row is None:
        raise UnknownRequest(f"there is no request {request_id!r}")
    return row
