"""Archiving a live event: written, read back, and compared with the database before anybody relies on it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from include.common.clock import database_now
from include.events.archive import Manifest, manifest_sha256, verify_archive, write_archive
from include.events.errors import ArchiveMismatch, ArchiveMissing, NotOwned, StaleAttempt, UnknownRequest
from include.events.event_rows import digest_tables, export_rows, schema_exists
from include.events.lifecycle import SYSTEM, request_lock
from include.events.names import EventKey
from include.store import event_archives as archives
from include.store import events as store
from include.store.events import Connection

log = logging.getLogger(__name__)

ARCHIVABLE = frozenset({"completed", "restored", "decommissioning"})
FOLDER_TIME = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True, kw_only=True)
class ArchiveRecord:
    """An archive that was read back: where it is below the folder of all archives, and what its manifest hashes to."""

    request_id: str
    path: str
    sha256: str
    row_counts: dict[str, int]
    archived_at: datetime


def archive_event(
    ops: Connection, platform: Connection, *, request_id: str, archive_dir: Path, grace_days: int
) -> ArchiveRecord:
    """Archive a live event; nothing of it is changed. An archive of exactly these rows is kept and returned again.

    The event goes on meanwhile, so what comes in later is not in it: `take_down` looks again, with the tables locked.
    Of an event that is being taken down and whose rows are gone already, the archive made before that is returned.
    Raises StaleAttempt when the event is not live, ArchiveMismatch when what was read back is not what was written.
    """
    with request_lock(ops, request_id):
        row = store.find_request(ops, request_id)
        if row is None:
            raise UnknownRequest(f"there is no request {request_id!r}")
        key = EventKey(request_id=request_id, slug=row["slug"])
        there = schema_exists(platform, key)
        if row["status"] == "decommissioning" and not there:
            return find_verified_archive(ops, key=key, archive_dir=archive_dir)
        if row["status"] not in ARCHIVABLE or not there:
            raise StaleAttempt(f"request {request_id!r} is {row['status']}: only a live event can be archived")
        with platform.transaction():
            # One snapshot for the rows and for the comparison.
            platform.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            return archive_rows(ops, platform, key=key, archive_dir=archive_dir, grace_days=grace_days)


def archive_rows(
    ops: Connection, platform: Connection, *, key: EventKey, archive_dir: Path, grace_days: int
) -> ArchiveRecord:
    """Archive what the current transaction on the platform sees, unless the latest archive is exactly that.

    To be called under the request's lock. Raises ArchiveMismatch.
    """
    wanted = digest_tables(platform, key)
    known = archives.find_archive(ops, key.request_id)
    if known is not None and _is_whole(known, archive_dir) and _manifest(known, archive_dir).digests == wanted:
        return record_of(known)
    archived_at = database_now(ops)
    path = f"{key.slug}/{archived_at.strftime(FOLDER_TIME)}"
    folder = archive_dir / path
    write_archive(
        folder,
        request_id=key.request_id,
        slug=key.slug,
        archived_at=archived_at,
        read_rows=partial(export_rows, platform, key),
    )
    manifest = verify_archive(folder)
    if manifest.digests != wanted:
        raise ArchiveMismatch(f"{folder} has the rows {manifest.row_counts}, the database of {key.slug} has others")
    with ops.transaction():
        archives.add_archive(
            ops,
            key.request_id,
            archived_at=archived_at,
            path=path,
            sha256=manifest_sha256(folder),
            row_counts=manifest.row_counts,
            grace_days=grace_days,
        )
        store.record(
            ops,
            actor=SYSTEM,
            action="event.archive",
            request_id=key.request_id,
            reason="before the event is taken down",
            before=None,
            after={"path": path, "sha256": manifest_sha256(folder), "row_counts": manifest.row_counts},
        )
    log.info("Archived %s of request %s: %s", path, key.request_id, manifest.row_counts)
    return find_verified_archive(ops, key=key, archive_dir=archive_dir)


def find_verified_archive(ops: Connection, *, key: EventKey, archive_dir: Path) -> ArchiveRecord:
    """Return the latest archive after reading all of it. Raises ArchiveMissing or ArchiveMismatch."""
    row = archives.find_archive(ops, key.request_id)
    if row is None:
        raise ArchiveMissing(f"there is no archive of request {key.request_id!r}: archive the event first")
    manifest = _manifest(row, archive_dir)
    if (manifest.request_id, manifest.slug) != (key.request_id, key.slug):
        raise NotOwned(f"{row['path']} is an archive of request {manifest.request_id!r}, not of {key.request_id!r}")
    return record_of(row)


def archive_folder(archive_dir: Path, path: str) -> Path:
    """Return the folder of an archive. Raises ArchiveMismatch for a path that leads out of `archive_dir`."""
    folder = (archive_dir / path).resolve()
    if archive_dir.resolve() not in folder.parents:
        raise ArchiveMismatch(f"{path} is not below {archive_dir}")
    return folder


def record_of(row: store.Row) -> ArchiveRecord:
    """Return an archive's row as a value."""
    return ArchiveRecord(
        request_id=row["request_id"],
        path=row["path"],
        sha256=row["sha256"],
        row_counts=row["row_counts"],
        archived_at=row["archived_at"],
    )


def _manifest(row: store.Row, archive_dir: Path) -> Manifest:
    return verify_archive(archive_folder(archive_dir, row["path"]), sha256=row["sha256"])


def _is_whole(row: store.Row, archive_dir: Path) -> bool:
    try:
        _manifest(row, archive_dir)
    except ArchiveMismatch as error:
        log.warning(
            "Archive %s of request %s is damaged, another is written: %s", row["path"], row["request_id"], error
        )
        return False
    return True
