"""Locks and fences: nobody acts for a request that has moved on."""

import threading
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from include.events import lifecycle, rollback
from include.events.errors import RequestBusy, StaleAttempt, UnknownRequest
from include.events.world import World
from include.store import console
from tests.support.databases import Database
from tests.support.events import Approved, Outside, approve, open_world, request_body, row_of
from tests.support.waiting import wait_until


@pytest.fixture
def approved(world: World) -> Approved:
    return approve(world, request_body())


def step(world: World, approved: Approved) -> AbstractContextManager[lifecycle.StepRun]:
    return lifecycle.step(
        world.ops, request_id=approved.request_id, attempt=1, name="schema", plan_hash=approved.plan_hash
    )


def test_a_zombie_finds_itself_stale_and_the_undo_waits_for_it(
    world: World, approved: Approved, ops_db: Database, outside: Outside
) -> None:
    """A task that is believed dead is still inside its step when the undo begins."""
    undone: list[rollback.UndoReport] = []

    def undo() -> None:
        with open_world(ops_db, outside) as other:
            undone.append(rollback.undo_event(other, request_id=approved.request_id, attempt=1, reason="believed dead"))

    undoing = threading.Thread(target=undo)

    def act_late() -> None:
        with step(world, approved) as run:
            run.check()
            undoing.start()
            wait_until(lambda: row_of(world.ops, approved.request_id)["status"] == "rolling_back", what="the undo")
            assert undone == []
            run.check()

    with pytest.raises(StaleAttempt):
        act_late()
    undoing.join(timeout=60)
    assert len(undone) == 1
    assert row_of(world.ops, approved.request_id)["status"] == "rolled_back"


def test_a_lost_session_stops_the_step(world: World, approved: Approved, ops_db: Database) -> None:
    """Without its session the lock is free: the step must not act any more."""

    def lose_session() -> None:
        with step(world, approved) as run:
            with ops_db.connect(autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(%s)", (world.ops.info.backend_pid,))
            run.check()

    with pytest.raises(psycopg.OperationalError):
        lose_session()
    with ops_db.connect("ops_tasks", autocommit=True) as conn:
        steps = console.steps_of(conn, [approved.request_id])[approved.request_id]
        assert [(entry["step"], entry["state"]) for entry in steps] == [("schema", "running")]
        with lifecycle.request_lock(conn, approved.request_id, wait_seconds=5):
            pass


def test_a_busy_request_is_left_alone_after_a_while(world: World, approved: Approved, ops_db: Database) -> None:
    with (
        ops_db.connect("ops_tasks", autocommit=True) as other,
        lifecycle.request_lock(other, approved.request_id),
        pytest.raises(RequestBusy),
        lifecycle.request_lock(world.ops, approved.request_id, wait_seconds=0.2),
    ):
        pytest.fail("two held the lock")


def test_the_lock_needs_autocommit(ops_db: Database) -> None:
    with (
        ops_db.connect("ops_tasks") as conn,
        pytest.raises(ValueError, match="autocommit"),
        lifecycle.request_lock(conn, "any"),
    ):
        pytest.fail("the lock was taken")


def test_a_failed_step_says_why(world: World, approved: Approved) -> None:
    with pytest.raises(RuntimeError), step(world, approved):
        raise RuntimeError("no\x00t \ud800 storable")
    (failed,) = console.steps_of(world.ops, [approved.request_id])[approved.request_id]
    assert failed["state"] == "failed"
    assert failed["detail"] == {"type": "RuntimeError", "message": "not ? storable"}


def test_an_attempt_belongs_to_one_run(world: World, approved: Approved) -> None:
    for _ in range(2):
        lifecycle.claim(world.ops, request_id=approved.request_id, attempt=1, dag_run_id="run-1")
    with pytest.raises(StaleAttempt, match="run-1"):
        lifecycle.claim(world.ops, request_id=approved.request_id, attempt=1, dag_run_id="run-2")
    with pytest.raises(StaleAttempt):
        lifecycle.claim(world.ops, request_id=approved.request_id, attempt=2, dag_run_id="run-1")
    with pytest.raises(UnknownRequest):
        lifecycle.claim(world.ops, request_id="unheard-of", attempt=1, dag_run_id="run-1")


def test_every_change_is_in_the_ledger(world: World, approved: Approved) -> None:
    approved.apply("schema", world)
    rollback.undo_event(world, request_id=approved.request_id, attempt=1, reason="because")
    actions = [entry["action"] for entry in console.ledger_of(world.ops, approved.request_id)]
    assert actions == [
        "event.receive",
        "event.planned",
        "event.approved",
        "event.configuring",
        "event.step.schema",
        "event.rolling_back",
        "event.rolled_back",
    ]


def test_needing_undo_waits_until_nothing_was_done_for_a_while(world: World, approved: Approved) -> None:
    approved.apply("schema", world)
    assert rollback.needing_undo(world.ops, idle_seconds=3600) == []
    (found,) = rollback.needing_undo(world.ops, idle_seconds=0)
    assert found["status"] == "configuring"
    assert found["updated_at"] <= datetime.now(UTC) + timedelta(minutes=1)
