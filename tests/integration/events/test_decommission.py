"""Taking a live event down: archived first, nothing left, continued after a kill, refused without an approval."""

import gzip
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from include.events import archiving, decommission, decommission_plan, rollback
from include.events.archive import verify_archive
from include.events.errors import ArchiveMismatch, ArchiveMissing, InvalidRequest, PlanChanged, StaleAttempt
from include.events.world import World
from include.store import ledger
from tests.support.decommissioning import GRACE_DAYS, LiveEvent, add_entries, as_event_api, make_live_event, row_counts
from tests.support.events import Outside, approve, request_body, row_of


class Killed(BaseException):
    """What a kill -9 looks like from inside: nothing catches it."""


@pytest.fixture
def event(world: World, outside: Outside, tmp_path: Path) -> LiveEvent:
    return make_live_event(world, outside, tmp_path / "archive")


def test_the_plan_says_what_is_archived_and_taken_down(event: LiveEvent) -> None:
    before = row_of(event.world.ops, event.request_id)

    plan = event.plan()

    counts = {table.table_name: table.row_count for table in plan.tables}
    assert (counts["participants"], counts["entry_logs"], counts["gates"]) == (3, 3, 2)
    for name in (plan.take_down.namespace, plan.take_down.schema, plan.take_down.api_url, plan.plan_hash[:12]):
        assert name in plan.markdown
    left = plan.restorable_until - datetime.now(UTC)
    assert timedelta(days=GRACE_DAYS, minutes=-1) < left <= timedelta(days=GRACE_DAYS)
    assert row_of(event.world.ops, event.request_id) == before


def test_the_plan_stays_the_same_while_people_come_in(event: LiveEvent, outside: Outside) -> None:
    before = event.plan()
    add_entries(outside, event.key, 2)
    after = event.plan()
    assert after.plan_hash == before.plan_hash
    assert after.tables != before.tables
    assert event.plan("another reason").plan_hash != before.plan_hash


def test_an_event_is_archived_taken_down_and_nothing_is_left(event: LiveEvent) -> None:
    rows = event.rows()

    report = event.decommission()

    assert rollback.leftovers(event.world, request_id=event.request_id) == []
    verified = decommission.verify_taken_down(event.world, request_id=event.request_id, archive_dir=event.archive_dir)
    assert verified == report.archive
    assert verify_archive(event.folders[-1]).digests == rows
    row = row_of(event.world.ops, event.request_id)
    assert row["status"] == "decommissioned"
    assert row["purge_after"] == report.purge_after
    assert row["purge_after"] - row["decommission_at"] == timedelta(days=GRACE_DAYS)
    assert "api_url" not in row["result"]
    assert row["configured_at"] is not None, "when it was completed stays, the figures are about that"
    assert ledger.verify(event.world.ops, []).intact


def test_a_second_run_finds_it_done(event: LiveEvent) -> None:
    plan_hash = event.approve()
    event.archive()
    first = event.take_down(plan_hash)
    assert event.take_down(plan_hash) == first


def test_rows_that_come_in_after_the_archive_are_archived_too(event: LiveEvent, outside: Outside) -> None:
    plan_hash = event.approve()
    early = event.archive()
    add_entries(outside, event.key, 5)
    rows = event.rows()

    report = event.take_down(plan_hash)

    assert report.archive.path != early.path
    assert report.archive.row_counts == row_counts(rows)
    assert verify_archive(event.folders[-1]).digests == rows


def test_an_archive_of_the_same_rows_is_not_made_twice(event: LiveEvent, outside: Outside) -> None:
    first = event.archive()
    assert event.archive() == first
    assert len(event.folders) == 1
    add_entries(outside, event.key, 1)
    assert event.archive().path != first.path


def test_an_archive_can_be_read_by_its_owner_only_and_has_what_the_database_had(event: LiveEvent) -> None:
    event.archive()
    (folder,) = event.folders
    assert folder.stat().st_mode & 0o077 == 0
    with gzip.open(folder / "participants.jsonl.gz", "rt", encoding="utf-8") as file:
        assert sum("홍길동" in line for line in file) == 3


def test_nothing_is_taken_down_without_approval(event: LiveEvent) -> None:
    event.archive()
    rows = event.rows()
    with pytest.raises(PlanChanged, match="nobody approved"):
        event.take_down(event.plan().plan_hash)
    event.approve()
    with pytest.raises(PlanChanged, match="nobody approved"):
        event.take_down("0" * 64)
    assert event.rows() == rows
    assert row_of(event.world.ops, event.request_id)["status"] == "completed"


def test_nothing_is_taken_down_without_a_verified_archive(event: LiveEvent) -> None:
    plan_hash = event.approve()
    with pytest.raises(ArchiveMissing):
        event.take_down(plan_hash)

    event.archive()
    path = event.folders[0] / "entry_logs.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-9] + b"123456789")
    with pytest.raises(ArchiveMismatch, match="entry_logs"):
        event.take_down(plan_hash)

    assert row_of(event.world.ops, event.request_id)["status"] == "completed"
    assert rollback.leftovers(event.world, request_id=event.request_id) != []
    assert event.archive().path != event.folders[0].name, "a damaged archive is replaced"
    event.take_down(plan_hash)


def test_an_archive_that_is_not_what_the_database_has_is_refused(
    event: LiveEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = archiving.export_rows

    def lossy(platform: object, key: object, table: str) -> object:
        rows = real(platform, key, table)  # type: ignore[arg-type]
        return itertools.islice(rows, 1) if table == "participants" else rows

    monkeypatch.setattr(archiving, "export_rows", lossy)
    with pytest.raises(ArchiveMismatch, match="the database"):
        event.archive()
    assert event.world.ops.execute("SELECT count(*) AS n FROM ops.event_archives").fetchone() == {"n": 0}


def test_a_changed_event_is_not_taken_down_on_an_old_approval(event: LiveEvent) -> None:
    plan_hash = event.approve()
    event.archive()
    event.world.ops.execute(
        "UPDATE ops.event_requests SET plan_hash = %s WHERE request_id = %s", ("f" * 64, event.request_id)
    )
    with pytest.raises(PlanChanged, match="has changed"):
        event.take_down(plan_hash)


def test_only_a_live_event_is_taken_down(world: World, tmp_path: Path) -> None:
    approved = approve(world, request_body())
    event = LiveEvent(world=world, key=approved.key, attempt=1, archive_dir=tmp_path)
    with pytest.raises(StaleAttempt):
        event.plan()
    with pytest.raises(StaleAttempt):
        event.archive()
    with pytest.raises(StaleAttempt):
        event.take_down("0" * 64)


@pytest.mark.parametrize("reason", ["", "  \n ", "x" * 501, "a\x00b"])
def test_a_reason_is_needed(event: LiveEvent, reason: str) -> None:
    with pytest.raises(InvalidRequest, match="reason"):
        event.plan(reason)


def test_an_approval_is_for_the_plan_that_was_shown(event: LiveEvent) -> None:
    with pytest.raises(PlanChanged):
        decommission_plan.record_approval(
            event.world.ops,
            request_id=event.request_id,
            plan_hash=event.plan().plan_hash,
            reason="another reason",
            grace_days=GRACE_DAYS,
            approved_by="manager1",
        )
    assert "decommission" not in row_of(event.world.ops, event.request_id)["result"]


def test_killed_anywhere_it_goes_on_and_loses_nothing(
    world: World, outside: Outside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before and after the removal of each thing, one run after the other, until one comes through."""
    event = make_live_event(world, outside, tmp_path / "archive")
    plan_hash = event.approve()
    event.archive()
    add_entries(outside, event.key, 2)
    rows = event.rows()
    real = decommission.things_of
    names = [thing.name for thing in real(event.key, world)]

    for victim, moment in itertools.product(names, ("before", "after")):

        def killing(key: object, inside: World, victim: str = victim, moment: str = moment) -> list[rollback.Thing]:
            return [
                rollback.Thing(thing.step, thing.name, _killed(thing.undo, moment), thing.leftovers)
                if thing.name == victim
                else thing
                for thing in real(key, inside)  # type: ignore[arg-type]
            ]

        monkeypatch.setattr(decommission, "things_of", killing)
        with pytest.raises(Killed):
            event.take_down(plan_hash)
        assert row_of(world.ops, event.request_id)["status"] == "decommissioning"

    monkeypatch.setattr(decommission, "things_of", real)
    report = event.take_down(plan_hash)
    assert verify_archive(event.archive_dir / report.archive.path).digests == rows
    decommission.verify_taken_down(world, request_id=event.request_id, archive_dir=event.archive_dir)


def test_a_killed_archive_leaves_nothing_that_is_taken_for_one(
    event: LiveEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> object:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(archiving, "export_rows", dies)
        with pytest.raises(Killed):
            event.archive()
    with pytest.raises(ArchiveMissing):
        event.take_down(event.approve())
    assert [folder.suffix for folder in event.folders] == [".unfinished"]

    event.archive()
    assert [verify_archive(folder).slug for folder in event.folders] == [event.key.slug]


def test_who_is_writing_is_waited_for_and_who_comes_later_is_refused(event: LiveEvent, outside: Outside) -> None:
    """A writer that holds its transaction open keeps the schema from being dropped under it."""
    plan_hash = event.approve()
    event.archive()
    with as_event_api(outside, event.key) as writer:
        writer.execute("INSERT INTO participants (name, email) VALUES ('late', 'late@example.com')")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            event.take_down(plan_hash)
    report = event.take_down(plan_hash)
    assert report.archive.row_counts["participants"] == 4


def _killed(undo: Callable[[], None], moment: str) -> Callable[[], None]:
    def killed() -> None:
        if moment == "after":
            undo()
        raise Killed

    return killed
