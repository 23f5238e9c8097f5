"""The end of the grace: archives are destroyed, and with them every person's data that a request still has.

Required by the Korean Personal Information Protection Act, art. 21: what is no longer needed is destroyed without delay
and so that it cannot be brought back. Deleting the files is all that can be done from here; on storage that keeps
snapshots or versions, these must end within the same time.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg

from include.events.archive import destroy_archive
from include.events.archiving import archive_folder
from include.events.errors import EventError, PurgeIncomplete
from include.events.lifecycle import SYSTEM, request_lock, transition
from include.events.names import EventKey
from include.events.rollback import leftovers, things_of
from include.events.world import World
from include.store import event_archives as archives
from include.store import events as store

log = logging.getLogger(__name__)

MAX_EVENTS = 200
# What keeps one event from being purged, without keeping the others from it.
PURGE_ERRORS = (EventError, psycopg.Error, OSError)


@dataclass(frozen=True, kw_only=True)
class Purged:
    """What was, or with `dry_run` would be, destroyed, and why. A live event keeps everything but its old archives."""

    request_id: str
    archives: tuple[str, ...]
    personal_data_removed: bool
    reason: str
    dry_run: bool


def purge_due(
    world: World, *, now: datetime, archive_dir: Path, dry_run: bool = False, max_events: int = MAX_EVENTS
) -> list[Purged]:
    """Purge what is overdue at `now`, at most `max_events` events, the longest overdue first.

    Goes on past an event that cannot be purged and raises PurgeIncomplete with all of them at the end.
    """
    done, failures = [], []
    for row in archives.list_due(world.ops, now, limit=max_events):
        try:
            purged = _purge(world, row["request_id"], now=now, archive_dir=archive_dir, dry_run=dry_run)
        except PURGE_ERRORS as error:
            log.exception("Request %s could not be purged; going on with the others", row["request_id"])
            failures.append(f"{row['request_id']}: {type(error).__name__}: {error}")
            continue
        if purged is not None:
            done.append(purged)
    if failures:
        raise PurgeIncomplete(f"{len(done)} purged, {len(failures)} not: {'; '.join(failures)}")
    return done


def _purge(world: World, request_id: str, *, now: datetime, archive_dir: Path, dry_run: bool) -> Purged | None:
    """Purge one event. None when it is not due any more: it was restored or taken down again meanwhile."""
    ops = world.ops
    with request_lock(ops, request_id):
        row = store.find_request(ops, request_id)
        due = archives.list_archives(ops, request_id, due_at=now)
        if row is None or not due or not _may_purge(row, now):
            return None
        paths = tuple(archive["path"] for archive in due)
        purged = Purged(
            request_id=request_id,
            archives=paths,
            personal_data_removed=row["status"] == "decommissioned",
            reason=f"kept until {max(archive['purge_after'] for archive in due).isoformat()}",
            dry_run=dry_run,
        )
        folders = [archive_folder(archive_dir, path) for path in paths]
        if dry_run:
            return purged
        if purged.personal_data_removed:
            _remove_unfinished_restore(world, row)
        for folder in folders:
            destroy_archive(folder)
        _record(world, row, purged)
    log.info("Request %s: purged %s (%s)", request_id, ", ".join(paths), purged.reason)
    return purged


def _may_purge(row: store.Row, now: datetime) -> bool:
    if row["status"] == "decommissioned":
        return bool(row["purge_after"] <= now)
    return row["status"] in ("completed", "restored", "purged")


def _remove_unfinished_restore(world: World, row: store.Row) -> None:
    """Take away what a restore that never ended has made: the customer's data is in it."""
    if archives.RESTORE_KEY not in row["result"]:
        return
    for thing in things_of(EventKey(request_id=row["request_id"], slug=row["slug"]), world):
        thing.undo()
    if left := leftovers(world, request_id=row["request_id"]):
        raise PurgeIncomplete(f"still there: {', '.join(left)}")


def _record(world: World, row: store.Row, purged: Purged) -> None:
    """Remove the personal data and enter what was done, in one transaction."""
    ops, request_id = world.ops, row["request_id"]
    destroyed = {"archives": list(purged.archives), "personal_data_removed": purged.personal_data_removed}
    with ops.transaction():
        archives.mark_purged(ops, request_id, list(purged.archives))
        if purged.personal_data_removed:
            archives.anonymise(ops, request_id)
            transition(
                ops,
                request_id=request_id,
                attempt=row["attempt"],
                allowed={"decommissioned"},
                to="purged",
                reason=purged.reason,
                after=destroyed,
            )
        else:
            store.record(
                ops,
                actor=SYSTEM,
                action="event.purge_archive",
                request_id=request_id,
                reason=purged.reason,
                before=None,
                after=destroyed,
            )
