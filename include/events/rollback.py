"""The steps backwards: everything of an event is taken away, and what is left is looked for in the world."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from include.clients.errors import ClientError
from include.events.decision_notice import tell_not_approved
from include.events.errors import EventError, RollbackIncomplete, UnknownRequest
from include.events.lifecycle import MAY_UNDO, Connection, request_lock, transition
from include.events.names import EventKey
from include.events.rollback_notice import rolled_back_untold, tell, tell_operators
from include.events.steps import account, endpoint, guide, monitoring, namespace, schema
from include.events.world import World
from include.store import event_work
from include.store import events as store

__all__ = ["UndoReport", "end_failed", "leftovers", "needing_undo", "rolled_back_untold", "tell", "undo_event"]

log = logging.getLogger(__name__)

# What one thing's undo can fail with, without keeping the others from being undone.
UNDO_ERRORS = (ClientError, EventError, psycopg.Error, OSError)
KILLED = {"type": "Killed", "message": "the task ended without an error of its own: killed, or its machine was lost"}


@dataclass(frozen=True, kw_only=True)
class UndoReport:
    """Which things were undone (each whether or not it was there)."""

    undone: tuple[str, ...]


@dataclass(frozen=True)
class Thing:
    """Something that is made for an event: in which step, how it is taken away and how it is looked for."""

    step: str
    name: str
    undo: Callable[[], None]
    leftovers: Callable[[], list[str]]


def undo_event(
    world: World, *, request_id: str, attempt: int, reason: str, error: dict[str, Any] | None = None
) -> UndoReport:
    """Take away everything of an attempt that did not succeed. Safe to call again, also when nothing was made.

    It stops every step first (status "rolling_back"), waits for one that is at work, undoes in reverse order past what
    fails, and looks at the world at the end. Raises RollbackIncomplete with all that is left, after the operators were
    told; StaleAttempt when the request is not this attempt's any more or is completed; RequestBusy.
    """
    row = _row(world.ops, request_id)
    key = EventKey(request_id=request_id, slug=row["slug"])
    with world.ops.transaction():
        # A repetition after a complete rollback looks again: nothing is believed that can be seen.
        transition(
            world.ops, request_id=request_id, attempt=attempt, allowed=MAY_UNDO, to="rolling_back", reason=reason
        )
        store.set_error(world.ops, request_id, error or _first_error(world.ops, row, attempt, reason))
    with request_lock(world.ops, request_id):
        things = things_of(key, world)
        undone, failures = _undo(world.ops, things, request_id=request_id, attempt=attempt)
        left = _look(things)
        complete = not failures and not left
        with world.ops.transaction():
            if complete:
                store.clear_result(world.ops, request_id)
            transition(
                world.ops,
                request_id=request_id,
                attempt=attempt,
                allowed={"rolling_back"},
                to="rolled_back" if complete else "rollback_failed",
                reason="nothing is left" if complete else f"{len(failures)} failed, {len(left)} left",
                after={"undone": undone, "failures": failures, "leftovers": left},
            )
    if not complete:
        try:
            tell_operators(world, request_id=request_id, leftovers=[*failures, *left])
        except ClientError as unsent:
            log.error("Operators were not told of the incomplete rollback of %s: %s", request_id, unsent)
        raise RollbackIncomplete(failures=failures, leftovers=left)
    return UndoReport(undone=tuple(undone))


def end_failed(world: World, *, request_id: str, attempt: int, reason: str) -> UndoReport:
    """Bring an attempt that failed to its end and tell who has to know: undo it, unless it ended as invalid.

    Of an invalid request nothing was made, because it never was approved; that is looked at all the same. One that was
    undone before, and of which nothing is left, is only told of.
    Raises what `undo_event` and `world.send_email` raise.
    """
    row = _row(world.ops, request_id)
    if row["status"] == "rolled_back" and row["attempt"] == attempt and not leftovers(world, request_id=request_id):
        tell(world, request_id=request_id)
        return UndoReport(undone=())
    if row["status"] != "invalid" or row["attempt"] != attempt:
        report = undo_event(world, request_id=request_id, attempt=attempt, reason=reason)
        tell(world, request_id=request_id)
        return report
    left = leftovers(world, request_id=request_id)
    if left:
        raise RollbackIncomplete(failures=(), leftovers=left)
    tell_not_approved(world, request_id=request_id)
    return UndoReport(undone=())


def leftovers(world: World, *, request_id: str) -> list[str]:
    """Return everything of an event that is there, looking at the real systems."""
    row = _row(world.ops, request_id)
    return _look(things_of(EventKey(request_id=request_id, slug=row["slug"]), world))


def needing_undo(conn: Connection, *, idle_seconds: float) -> list[store.Row]:
    """Return requests whose undo died or failed, or whose run may have died, and that were idle for a while.

    Each has `request_id`, `attempt`, `status`, `dag_run_id`. Look first whether the run is still at it: one that waits
    for a person may do so for a day. A request that waits for its run is the engine's.
    """
    statuses = sorted(MAY_UNDO - {"rolled_back"})
    rows = event_work.list_unfinished(conn, statuses=statuses, idle_seconds=idle_seconds)
    return [row for row in rows if row["status"] != "received" or row["dag_run_id"]]


def things_of(key: EventKey, world: World) -> list[Thing]:
    """Return everything that can be there of an event, in the order in which it is taken away."""
    return [
        Thing("handover", "guide", lambda: guide.undo(key, world.ops), lambda: guide.leftovers(key, world.ops)),
        Thing(
            "handover",
            "account",
            lambda: account.undo(key, world.platform_api),
            lambda: account.leftovers(key, world.platform_api),
        ),
        Thing(
            "monitoring",
            "monitoring",
            lambda: monitoring.undo(key, world.events_dir, world.prometheus),
            lambda: monitoring.leftovers(key, world.events_dir, world.prometheus),
        ),
        Thing(
            "endpoint",
            "endpoint",
            lambda: endpoint.undo(key, world.platform_api),
            lambda: endpoint.leftovers(key, world.platform_api),
        ),
        Thing(
            "schema", "schema", lambda: schema.undo(key, world.platform), lambda: schema.leftovers(key, world.platform)
        ),
        Thing(
            "namespace",
            "namespace",
            lambda: namespace.undo(key, world.core),
            lambda: namespace.leftovers(key, world.core),
        ),
    ]


def undo_things(things: Sequence[Thing]) -> tuple[list[str], list[str]]:
    """Take everything away, going on past what fails; return what was undone and what failed with why."""
    undone, failures = [], []
    for thing in things:
        try:
            thing.undo()
        except UNDO_ERRORS as error:
            log.exception("Undo of %s failed; going on with the rest", thing.name)
            failures.append(f"{thing.name}: {type(error).__name__}: {error}")
        else:
            undone.append(thing.name)
    return undone, failures


def _undo(conn: Connection, things: Sequence[Thing], *, request_id: str, attempt: int) -> tuple[list[str], list[str]]:
    steps = list(dict.fromkeys(thing.step for thing in things))
    undone: list[str] = []
    failures: list[str] = []
    for step in steps:
        with conn.transaction():
            event_work.start_undo(conn, request_id, attempt, step)
        done, failed = undo_things([thing for thing in things if thing.step == step])
        undone += done
        failures += failed
        if not failed:
            with conn.transaction():
                event_work.finish_undo(conn, request_id, attempt, step)
    return undone, failures


def _look(things: Sequence[Thing]) -> list[str]:
    found: list[str] = []
    for thing in things:
        try:
            found += thing.leftovers()
        except UNDO_ERRORS as error:
            found.append(f"{thing.name} (cannot be looked at: {error})")
    return found


def _first_error(conn: Connection, row: store.Row, attempt: int, reason: str) -> dict[str, Any]:
    """Return what the attempt failed with: the first failed step's error, or that a step ended without a word."""
    steps = event_work.list_steps(conn, row["request_id"], attempt)
    for entry in steps:
        if entry["state"] == "failed" and entry["detail"]:
            return {"step": entry["step"], **entry["detail"]}
    for entry in steps:
        if entry["state"] == "running":
            return {"step": entry["step"], **KILLED}
    return {"step": row["status"], "type": "Failed", "message": reason}


def _row(conn: Connection, request_id: str) -> store.Row:
    row = store.find_request(conn, request_id)
    if row is None:
        raise UnknownRequest(f"there is no request {request_id!r}")
    return row
