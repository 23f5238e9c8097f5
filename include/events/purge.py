"""The end of the grace: archives are destroyed, and with them every person's data that a request still has.

A request that never became an event loses that data too, after a time of its own. Required by the Korean
Personal Information Protection Act, art. 21: what is no longer needed is destroyed without delay and so that it cannot
be brought back. Deleting files and rows is all that can be done from here: snapshots and backups must end within the
same time, and so must the history that Airflow keeps (docs/personal-data.md).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
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
    world: World,
    *,
    now: datetime,
    archive_dir: Path,
    ended_request_days: int,
    dry_run: bool = False,
    max_events: int = MAX_EVENTS,
) -> list[Purged]:
    """Purge what is overdue at `now`, the longest overdue first: at most `max_events` events, and as many requests that
    never became events and ended more than `ended_request_days` ago.

    Goes on past one that cannot be purged and raises PurgeIncomplete with all of them at the end.
    """
    keep_days = ended_request_days
    events = partial(_purge, world, now=now, archive_dir=archive_dir, dry_run=dry_run)
    ended = partial(_forget, world, now=now, keep_days=keep_days, dry_run=dry_run)
    due = [(row["request_id"], events) for row in archives.list_due(world.ops, now, limit=max_events)]
    due += [
        (row["request_id"], ended) for row in archives.list_ended(world.ops, now, keep_days=keep_days, limit=max_events)
    ]
    done, failures = [], []
    for request_id, purge_one in due:
        try:
            purged = purge_one(request_id)
        except PURGE_ERRORS as error:
            log.exception("Request %s could not be purged; going on with the others", request_id)
            failures.append(f"{request_id}: {type(error).__name__}: {error}")
            continue
        if purged is not None:
            done.append(purged)
    if failures:
        raise PurgeIncomplete(f"{len(done)} purged, {len(failures)} not: {'; '.join(failures)}")
    return done


def _forget(world: World, request_id: str, *, now: datetime, keep_days: int, dry_run: bool) -> Purged | None:
    """Remove the personal data of a request that never became an event. None when it was taken up again meanwhile.

    Its status stays: the figures count by it, and there is nothing that could be brought back.
    """
    ops = world.ops
    with request_lock(ops, request_id), ops.transaction():
        row = store.find_request(ops, request_id, lock=True)
        if row is None or not _may_forget(row, now - timedelta(days=keep_days)):
            return None
        reason = f"{row['status']}; kept for {keep_days} days after its end"
        purged = Purged(request_id=request_id, archives=(), personal_data_removed=True, reason=reason, dry_run=dry_run)
        if dry_run:
            return purged
        archives.anonymise(ops, request_id)
        store.record(
            ops,
            actor=SYSTEM,
            action="event.forget",
            request_id=request_id,
            reason=reason,
            before={"status": row["status"]},
            after={"personal_data_removed": True},
        )
    log.info("Request %s: personal data removed (%s)", request_id, reason)
    return purged


def _may_forget(row: store.Row, ended_by: datetime) -> bool:
    ended_at: datetime = row["finished_at"] or row["updated_at"]
    return row["status"] in archives.ENDED_STATUSES and ended_at <= ended_by


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
