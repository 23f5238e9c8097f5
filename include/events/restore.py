"""Bringing a taken-down event back within its grace: the same things made again, the same rows under the same keys."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from include.common.clock import database_now
from include.events.archive import read_rows, verify_archive
from include.events.archiving import ArchiveRecord, archive_folder, find_verified_archive, record_of
from include.events.decommission_notice import tell_restored
from include.events.decommission_plan import checked_reason
from include.events.errors import ArchiveMismatch, NotRestorable, StaleAttempt, UnknownRequest, VerificationFailed
from include.events.event_rows import digest_tables, empty, load_rows
from include.events.lifecycle import SYSTEM, load_plan, request_lock
from include.events.names import EventKey
from include.events.plan import EventPlan
from include.events.steps import account, endpoint, guide, monitoring, namespace, schema
from include.events.world import World
from include.store import event_archives as archives
from include.store import events as store

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RestoreReport:
    """A restored event, or with `dry_run` one that could be restored, and from which archive."""

    request_id: str
    archive: ArchiveRecord
    dry_run: bool


@dataclass(frozen=True, kw_only=True)
class _Restore:
    """One restore at work. `progress` is what an earlier try got done, as kept with the request."""

    world: World
    plan: EventPlan
    attempt: int
    archive: ArchiveRecord
    folder: Path
    taken_down: dict[str, Any]
    progress: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> EventKey:
        """Return what everything of the event is called."""
        return EventKey.of(self.plan)

    def check(self) -> None:
        """Raise StaleAttempt when the request has moved on. Asks over the session that holds the lock."""
        row = store.find_request(self.world.ops, self.plan.request_id)
        if row is None or (row["status"], row["attempt"]) != ("decommissioned", self.attempt):
            raise StaleAttempt(f"request {self.plan.request_id!r} is not down any more: it is not restored further")

    def note(self, **progress: object) -> None:
        """Write down how far the restore is."""
        self.progress.update(progress)
        with self.world.ops.transaction():
            store.merge_result(self.world.ops, self.plan.request_id, {archives.RESTORE_KEY: self.progress})


def restore(
    world: World, *, request_id: str, reason: str, actor: str = SYSTEM, archive_dir: Path, dry_run: bool = False
) -> RestoreReport:
    """Bring an event back as it was; again, it goes on where it was stopped. A dry run only reads the archive.

    The customer gets a new one-time link to the account. Raises NotRestorable when the event is not down or its grace
    has ended, InvalidRequest for a blank reason, ArchiveMissing or ArchiveMismatch; nothing is changed then. Raises
    VerificationFailed when the world is
    not as it was: the event then still counts as taken down, and the restore can be run again.
    """
    reason = checked_reason(reason)
    with request_lock(world.ops, request_id):
        row = _row(world, request_id)
        if not dry_run and (done := _done_before(world, row)) is not None:
            return done
        _require_restorable(world, row)
        plan = load_plan(row)
        archive = find_verified_archive(world.ops, key=EventKey.of(plan), archive_dir=archive_dir)
        if dry_run:
            return RestoreReport(request_id=request_id, archive=archive, dry_run=True)
        work = _Restore(
            world=world,
            plan=plan,
            attempt=row["attempt"],
            archive=archive,
            folder=archive_folder(archive_dir, archive.path),
            taken_down=row["result"].get(archives.TAKEN_DOWN_KEY) or {},
            progress=dict(row["result"].get(archives.RESTORE_KEY) or {}),
        )
        _recreate(work)
        links = _hand_over(work)
        verify_restored(world, plan)
        tell_restored(world, plan=plan, links=links, archive_path=archive.path)
        _finish(work, links, reason=reason, actor=actor)
    log.info("Request %s is restored from %s", request_id, archive.path)
    return RestoreReport(request_id=request_id, archive=archive, dry_run=False)


def verify_restored(world: World, plan: EventPlan) -> None:
    """Look at the world: everything is there again. Raises VerificationFailed with all that is not."""
    findings = [
        *namespace.verify(plan, world.core, world.networking),
        *schema.verify(plan, world.platform),
        *endpoint.verify(plan, world.platform_api),
        *monitoring.verify(plan, world.prometheus),
        *account.verify(plan, world.platform_api),
        *guide.verify(plan, world.ops),
    ]
    if findings:
        raise VerificationFailed(findings)


def verify_event(world: World, *, request_id: str) -> None:
    """Look at the world on behalf of somebody who knows the request only. Raises StaleAttempt when it is not live."""
    row = _row(world, request_id)
    if row["status"] != "completed":
        raise StaleAttempt(f"request {request_id!r} is {row['status']}, not live")
    verify_restored(world, load_plan(row))


def _row(world: World, request_id: str) -> store.Row:
    row = store.find_request(world.ops, request_id)
    if row is None:
        raise UnknownRequest(f"there is no request {request_id!r}")
    return row


def _done_before(world: World, row: store.Row) -> RestoreReport | None:
    """Return what a try did that died after its work was done; None when the latest archive was not restored."""
    archive = archives.find_archive(world.ops, row["request_id"])
    if row["status"] != "completed" or archive is None:
        return None
    if row["result"].get(archives.RESTORED_FROM_KEY) != archive["path"]:
        return None
    return RestoreReport(request_id=row["request_id"], archive=record_of(archive), dry_run=False)


def _require_restorable(world: World, row: store.Row) -> None:
    if row["status"] != "decommissioned":
        found = f"request {row['request_id']!r} is {row['status']}"
        raise NotRestorable(f"{found}: only a taken-down event can be restored")
    if row["purge_after"] <= database_now(world.ops):
        raise NotRestorable(f"request {row['request_id']!r} could be restored until {row['purge_after'].isoformat()}")


def _recreate(work: _Restore) -> None:
    """Make everything again. The endpoint opens after the rows are back: from then on they are not loaded again."""
    world, plan = work.world, work.plan
    work.note()
    namespace.apply(plan, world.core, world.networking, check=work.check)
    if not work.progress.get("rows_loaded"):
        schema.apply(plan, world.platform, check=work.check)
        work.check()
        _load(work)
        work.note(rows_loaded=True)
    endpoint.apply(plan, world.platform_api, check=work.check)
    monitoring.apply(plan, world.events_dir, world.prometheus, promtool=world.promtool, check=work.check)


def _load(work: _Restore) -> None:
    """Replace what the schema has by the archive, in one transaction. Raises ArchiveMismatch when they differ."""
    platform, key = work.world.platform, work.key
    manifest = verify_archive(work.folder, sha256=work.archive.sha256)
    with platform.transaction():
        empty(platform, key)
        for table in manifest.tables:
            load_rows(platform, key, table.table, read_rows(work.folder, table))
        found = digest_tables(platform, key)
        if found != manifest.digests:
            differing = ", ".join(name for name in found if found[name] != manifest.digests[name])
            raise ArchiveMismatch(f"{key.schema} is not what {work.folder} has after loading it: {differing} differ")


def _hand_over(work: _Restore) -> dict[str, str]:
    """Make account and guide again; the guide's link is the one that the customer has in the first mail."""
    world = work.world
    viewer = account.apply(work.plan, world.platform_api, check=work.check)
    if "handover_url" not in work.progress:
        work.check()
        # A new link voids the one before: it is made once, and kept until it is in the mail.
        work.note(handover_url=world.platform_api.create_handover(viewer.account_id).url)
    work.check()
    known = {**work.taken_down, **work.progress}
    with world.ops.transaction():
        links = guide.apply(work.plan, world, username=viewer.username, known=known, now=database_now(world.ops))
    work.note(**links)
    return {**links, "handover_url": str(work.progress["handover_url"]), "account": viewer.username}


def _finish(work: _Restore, links: dict[str, str], *, reason: str, actor: str) -> None:
    """Make the request a completed one again, showing what was made for it as before."""
    ops, request_id = work.world.ops, work.plan.request_id
    made = {
        **work.taken_down,
        "account": links["account"],
        "guide_url": links["guide_url"],
        archives.RESTORED_FROM_KEY: work.archive.path,
    }
    with ops.transaction():
        work.check()
        archives.set_live_again(ops, request_id)
        store.merge_result(ops, request_id, made)
        store.record(
            ops,
            actor=actor,
            action="event.restore",
            request_id=request_id,
            reason=reason,
            before={"status": "decommissioned"},
            after={"status": "completed", "attempt": work.attempt, "archive": work.archive.path},
        )
