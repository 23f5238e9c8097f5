"""Bringing an event back within its grace, and destroying what is left of it afterwards."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

from include.events import intake, purge, restore, rollback
from include.events.errors import (
    ArchiveMismatch,
    EventError,
    InvalidRequest,
    NotRestorable,
    PurgeIncomplete,
    StaleAttempt,
    VerificationFailed,
)
from include.events.world import World
from tests.support.decommissioning import REASON, LiveEvent, add_entries, as_event_api, make_live_event
from tests.support.events import Outside, receive, request_body, row_of

LATER = timedelta(days=31)
KEEP_DAYS = 365


class Killed(BaseException):
    """What a kill -9 looks like from inside: nothing catches it."""


@pytest.fixture
def event(world: World, outside: Outside, tmp_path: Path) -> LiveEvent:
    return make_live_event(world, outside, tmp_path / "archive", language="ko")


def bring_back(event: LiveEvent, *, dry_run: bool = False) -> restore.RestoreReport:
    return restore.restore(
        event.world, request_id=event.request_id, reason="a mistake", archive_dir=event.archive_dir, dry_run=dry_run
    )


def purge_later(event: LiveEvent, *, after: timedelta = LATER, dry_run: bool = False) -> list[purge.Purged]:
    now = datetime.now(UTC) + after
    return purge.purge_due(
        event.world, now=now, archive_dir=event.archive_dir, ended_request_days=KEEP_DAYS, dry_run=dry_run
    )


def subjects_to(outside: Outside, address: str = "haneul@example.com") -> list[str]:
    return [mail["subject"] for mail in outside.sandbox.mails(to=address)]


def test_a_restored_event_is_as_it_was(event: LiveEvent, outside: Outside) -> None:
    with as_event_api(outside, event.key) as conn:
        conn.execute("UPDATE gates SET is_open = false WHERE gate_id = 2")
    rows, before = event.rows(), row_of(event.world.ops, event.request_id)
    event.decommission()

    report = bring_back(event)

    assert event.rows() == rows
    after = row_of(event.world.ops, event.request_id)
    assert after["status"] == "completed"
    assert (after["purge_after"], after["decommission_at"]) == (None, None)
    assert after["configured_at"] == before["configured_at"], "the figures are about the first time"
    new = {"account": after["result"]["account"], "restored_from": report.archive.path}
    assert after["result"] == before["result"] | new, "the guide's link in the first mail works again"
    assert bring_back(event) == report
    add_entries(outside, event.key, 1)  # new keys go on behind the old ones
    assert any("복원" in subject for subject in subjects_to(outside))


def test_a_dry_run_reads_the_archive_and_changes_nothing(event: LiveEvent) -> None:
    event.decommission()
    before = row_of(event.world.ops, event.request_id)

    assert bring_back(event, dry_run=True).dry_run

    assert row_of(event.world.ops, event.request_id) == before
    assert rollback.leftovers(event.world, request_id=event.request_id) == []


def test_a_live_event_and_one_whose_grace_has_ended_are_not_restored(event: LiveEvent) -> None:
    with pytest.raises(NotRestorable, match="is completed"):
        bring_back(event)
    event.decommission()
    event.world.ops.execute(
        "UPDATE ops.event_requests SET purge_after = now() - interval '1 s' WHERE request_id = %s", (event.request_id,)
    )
    with pytest.raises(NotRestorable, match="until"):
        bring_back(event)
    assert rollback.leftovers(event.world, request_id=event.request_id) == []


@pytest.mark.parametrize("reason", ["", "  ", "\t\n", "a" * 501])
def test_a_restore_without_a_reason_is_refused(event: LiveEvent, reason: str) -> None:
    event.decommission()
    with pytest.raises(InvalidRequest, match="reason"):
        restore.restore(event.world, request_id=event.request_id, reason=reason, archive_dir=event.archive_dir)
    assert row_of(event.world.ops, event.request_id)["status"] == "decommissioned"


def test_a_damaged_archive_restores_nothing(event: LiveEvent) -> None:
    event.decommission()
    (event.folders[-1] / "gates.jsonl.gz").unlink()
    with pytest.raises(ArchiveMismatch, match="gates"):
        bring_back(event)
    assert rollback.leftovers(event.world, request_id=event.request_id) == []


def test_killed_after_each_part_it_goes_on(event: LiveEvent, outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = event.rows()
    event.decommission()
    parts = [
        *((restore.namespace, "apply"), (restore.schema, "apply"), (restore, "_load"), (restore.endpoint, "apply")),
        *((restore.monitoring, "apply"), (restore.account, "apply"), (restore.guide, "apply")),
        *((restore, "verify_restored"), (restore, "tell_restored"), (restore.archives, "set_live_again")),
    ]
    for module, name in parts:
        with monkeypatch.context() as patch:
            patch.setattr(module, name, _killed_after(getattr(module, name)))
            with pytest.raises(Killed):
                bring_back(event)
        assert row_of(event.world.ops, event.request_id)["status"] == "decommissioned"

    bring_back(event)

    assert event.rows() == rows
    assert sum("복원" in subject for subject in subjects_to(outside)) == 1


def test_what_came_in_after_the_rows_were_back_is_not_lost(
    event: LiveEvent, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    event.decommission()
    with monkeypatch.context() as patch:
        patch.setattr(restore.endpoint, "apply", _killed_after(restore.endpoint.apply))
        with pytest.raises(Killed):
            bring_back(event)
    add_entries(outside, event.key, 2)

    bring_back(event)

    assert event.rows()["participants"].rows == 5


@pytest.mark.parametrize("after", ["schema", "endpoint"])
def test_a_restore_that_was_given_up_can_be_taken_down_again(
    event: LiveEvent, outside: Outside, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    plan_hash = event.approve()
    event.archive()
    first = event.take_down(plan_hash)
    module = getattr(restore, after)
    with monkeypatch.context() as patch:
        patch.setattr(module, "apply", _killed_after(module.apply))
        with pytest.raises(Killed):
            bring_back(event)
    if after == "endpoint":
        add_entries(outside, event.key, 1)

    again = event.take_down(plan_hash)

    assert rollback.leftovers(event.world, request_id=event.request_id) == []
    expected = first.archive.row_counts["participants"] + (1 if after == "endpoint" else 0)
    assert again.archive.row_counts["participants"] == expected


def test_a_world_that_is_not_as_it_was_leaves_it_restorable(event: LiveEvent, monkeypatch: pytest.MonkeyPatch) -> None:
    event.decommission()
    with monkeypatch.context() as patch:
        patch.setattr(restore.endpoint, "verify", lambda *_: ["endpoint answers nonsense"])
        with pytest.raises(VerificationFailed, match="nonsense"):
            bring_back(event)
    bring_back(event)
    assert row_of(event.world.ops, event.request_id)["status"] == "completed"


def test_an_event_can_be_taken_down_and_restored_again(event: LiveEvent, outside: Outside) -> None:
    event.decommission()
    bring_back(event)
    add_entries(outside, event.key, 2)
    rows = event.rows()
    with pytest.raises(EventError, match="nobody approved"):
        event.take_down(event.plan().plan_hash)

    event.decommission()
    bring_back(event)

    assert event.rows() == rows


def test_before_the_grace_has_ended_nothing_is_purged(event: LiveEvent) -> None:
    event.decommission()
    assert purge_later(event, after=timedelta(days=29)) == []
    assert event.folders != []


def test_a_dry_run_of_the_purge_names_what_would_go(event: LiveEvent) -> None:
    report = event.decommission()
    before = row_of(event.world.ops, event.request_id)

    (purged,) = purge_later(event, dry_run=True)

    assert (purged.archives, purged.personal_data_removed, purged.dry_run) == ((report.archive.path,), True, True)
    assert row_of(event.world.ops, event.request_id) == before
    assert len(event.folders) == 1


def test_after_the_grace_archives_and_personal_data_are_destroyed(event: LiveEvent) -> None:
    event.archive()
    event.decommission()
    body = row_of(event.world.ops, event.request_id)["body"]

    (purged,) = purge_later(event)

    assert purged.request_id == event.request_id
    assert event.folders == []
    row = row_of(event.world.ops, event.request_id)
    assert row["status"] == "purged"
    stored = "".join(
        str(event.world.ops.execute(query, (event.request_id,)).fetchall())
        for query in (
            "SELECT * FROM ops.event_requests WHERE request_id = %s",
            "SELECT * FROM ops.event_steps WHERE request_id = %s",
            "SELECT * FROM ops.event_effects WHERE request_id = %s",
            "SELECT * FROM ops.event_guides WHERE request_id = %s",
            "SELECT * FROM ops.event_ratings WHERE request_id = %s",
            "SELECT * FROM ops.ledger WHERE target = 'event:' || %s",
        )
    )
    for value in (body["customer"]["name"], body["customer"]["email"], body["customer"]["phone"]):
        assert value not in stored
    assert (row["body_hash"], row["event_name"]) != (None, None)
    assert purge_later(event) == []
    with pytest.raises(NotRestorable):
        bring_back(event)
    with pytest.raises(StaleAttempt):
        event.plan()


@pytest.fixture
def ended(world: World) -> Callable[..., str]:
    """Make a request that never became an event and ended some days ago."""

    def make(status: str, *, days: int) -> str:
        request_id = receive(world, request_body(language="ko"))
        world.ops.execute(
            "UPDATE ops.event_requests SET status = %s, finished_at = now() - make_interval(days => %s),"
            " error = %s WHERE request_id = %s",
            (status, days, Jsonb({"message": "haneul@example.com was refused"}), request_id),
        )
        return request_id

    return make


def forget(world: World, tmp_path: Path, *, dry_run: bool = False) -> list[purge.Purged]:
    return purge.purge_due(
        world, now=datetime.now(UTC), archive_dir=tmp_path, ended_request_days=KEEP_DAYS, dry_run=dry_run
    )


@pytest.mark.parametrize("status", ["rejected", "expired", "invalid", "cancelled", "rolled_back"])
def test_a_request_that_never_became_an_event_is_forgotten(
    world: World, tmp_path: Path, ended: Callable[..., str], status: str
) -> None:
    request_id = ended(status, days=KEEP_DAYS + 1)
    before = row_of(world.ops, request_id)

    (planned,) = forget(world, tmp_path, dry_run=True)
    assert (planned.request_id, planned.archives, planned.dry_run) == (request_id, (), True)
    assert row_of(world.ops, request_id) == before

    assert [purged.request_id for purged in forget(world, tmp_path)] == [request_id]

    row = row_of(world.ops, request_id)
    for value in (*(before["body"]["customer"][name] for name in ("name", "email", "phone")), "haneul"):
        assert value not in str(row)
    assert row["status"] == status, "the figures count by it"
    (entry,) = world.ops.execute("SELECT * FROM ops.ledger WHERE action = 'event.forget'").fetchall()
    assert (entry["target"], entry["before"]) == (f"event:{request_id}", {"status": status})
    assert forget(world, tmp_path) == []
    with pytest.raises(EventError):
        intake.resume(
            world.ops, request_id=request_id, identity=intake.Identity.user("requester1"), now=datetime.now(UTC)
        )


@pytest.mark.parametrize(
    ("status", "days"),
    [("rejected", KEEP_DAYS - 1), ("rollback_failed", 999), ("completed", 999), ("awaiting_approval", 999)],
)
def test_what_is_not_over_or_not_for_long_is_not_forgotten(
    world: World, tmp_path: Path, ended: Callable[..., str], status: str, days: int
) -> None:
    request_id = ended(status, days=days)
    before = row_of(world.ops, request_id)
    assert forget(world, tmp_path) == []
    assert row_of(world.ops, request_id) == before


def test_a_request_that_was_taken_up_again_meanwhile_is_not_forgotten(
    world: World, tmp_path: Path, ended: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = ended("expired", days=999)
    listed = [{"request_id": request_id}]
    monkeypatch.setattr(purge.archives, "list_ended", lambda *_, **__: listed)
    intake.resume(world.ops, request_id=request_id, identity=intake.Identity.user("requester1"), now=datetime.now(UTC))
    before = row_of(world.ops, request_id)
    assert forget(world, tmp_path) == []
    assert row_of(world.ops, request_id) == before


def test_a_restored_event_loses_its_old_archive_only(event: LiveEvent) -> None:
    event.decommission()
    bring_back(event)
    before = row_of(event.world.ops, event.request_id)

    (purged,) = purge_later(event)

    assert not purged.personal_data_removed
    assert event.folders == []
    assert row_of(event.world.ops, event.request_id)["body"] == before["body"]
    assert event.decommission().archive.row_counts["participants"] == 3


def test_a_purge_that_was_killed_goes_on(event: LiveEvent, monkeypatch: pytest.MonkeyPatch) -> None:
    event.decommission()
    with monkeypatch.context() as patch:
        patch.setattr(purge, "destroy_archive", _killed_after(purge.destroy_archive))
        with pytest.raises(Killed):
            purge_later(event)
    assert row_of(event.world.ops, event.request_id)["status"] == "decommissioned"
    assert len(purge_later(event)) == 1
    assert row_of(event.world.ops, event.request_id)["status"] == "purged"


def test_an_archive_outside_the_folder_is_never_touched(event: LiveEvent, tmp_path: Path) -> None:
    event.decommission()
    precious = tmp_path / "precious"
    precious.mkdir()
    event.world.ops.execute("UPDATE ops.event_archives SET path = '../precious'")
    with pytest.raises(PurgeIncomplete, match="is not below"):
        purge_later(event)
    assert precious.exists()
    assert row_of(event.world.ops, event.request_id)["status"] == "decommissioned"


def test_an_unfinished_restore_is_purged_with_everything_it_made(
    event: LiveEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    event.decommission()
    with monkeypatch.context() as patch:
        patch.setattr(restore.endpoint, "apply", _killed_after(restore.endpoint.apply))
        with pytest.raises(Killed):
            bring_back(event)
    event.world.ops.execute("SELECT 1")

    purge_later(event)

    assert rollback.leftovers(event.world, request_id=event.request_id) == []
    assert REASON not in str(row_of(event.world.ops, event.request_id)["result"])


def _killed_after(real: Callable[..., object]) -> Callable[..., object]:
    def killed(*args: object, **options: object) -> object:
        real(*args, **options)
        raise Killed

    return killed
