"""Who may act for a request, and when.

Every act for a request happens under one advisory lock, and only while the request's status and attempt allow it. A
task that everybody believed dead still holds the lock while its session lives, so an undo waits for it; once an undo
has begun, the status forbids every step, so such a task finds itself stale before its next act.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg

from include.events.errors import PlanChanged, RequestBusy, StaleAttempt, UnknownRequest
from include.events.plan import EventPlan, plan_from_dict, plan_hash
from include.store import event_work
from include.store import events as store
from include.store.locks import session_lock

log = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]

# The steps in their order; an undo goes backwards. Monitoring comes early, because Prometheus takes up to five seconds
# to list a target, and everything that is handed over is verified before the customer hears of it.
STEPS = ("namespace", "schema", "monitoring", "endpoint", "handover", "verification", "confirmation")
MAY_STEP = frozenset({"approved", "configuring"})
MAY_UNDO = frozenset(
    {"received", "planned", "awaiting_approval", "approved", "configuring"}
    | {"rolling_back", "rollback_failed", "rolled_back"}
)
# What a run that failed may still have to bring to an end: an invalid request is as good as undone, but not yet told.
MAY_END = MAY_UNDO | {"invalid"}
# A step ends within its clients' time limits, far below this; an undo may have to wait for one.
LOCK_WAIT_SECONDS = 120.0
SYSTEM = "platform-ops"


@dataclass(frozen=True, kw_only=True)
class StepRun:
    """Leave to carry out one step."""

    conn: Connection
    request_id: str
    attempt: int
    name: str
    plan: EventPlan
    result: Mapping[str, Any]

    def check(self) -> None:
        """Call before each act outside: raises StaleAttempt when the request has moved on meanwhile.

        It asks over the session that holds the lock: with the session gone, and the lock with it, this fails too.
        """
        _allowed(self.conn, self.request_id, self.attempt, MAY_STEP)

    def record(self, **values: object) -> None:
        """Write down what was made, at once: an undo or a second try needs to know."""
        with self.conn.transaction():
            store.merge_result(self.conn, self.request_id, values)


def claim(conn: Connection, *, request_id: str, attempt: int, dag_run_id: str) -> None:
    """Bind an attempt to the run that works for it. Raises StaleAttempt when another run has it."""
    with conn.transaction():
        row = _allowed(conn, request_id, attempt, MAY_UNDO, lock=True)
        if row["dag_run_id"] not in (None, dag_run_id):
            raise StaleAttempt(f"attempt {attempt} of {request_id!r} belongs to run {row['dag_run_id']!r}")
        store.set_run(conn, request_id, dag_run_id)


def transition(
    conn: Connection,
    *,
    request_id: str,
    attempt: int,
    allowed: Collection[str],
    to: str,
    reason: str,
    actor: str = SYSTEM,
    after: Mapping[str, Any] | None = None,
) -> store.Row:
    """Move a request to another status and enter it in the ledger; return the row as it was before.

    Call it in a transaction together with what belongs to the change. Raises StaleAttempt.
    """
    row = _allowed(conn, request_id, attempt, allowed, lock=True)
    store.set_status(conn, request_id, to)
    store.record(
        conn,
        actor=actor,
        action=f"event.{to}",
        request_id=request_id,
        reason=reason,
        before={"status": row["status"]},
        after={"status": to, "attempt": attempt, **(after or {})},
    )
    log.info("Request %s attempt %s: %s -> %s (%s)", request_id, attempt, row["status"], to, reason)
    return row


def load_plan(row: store.Row, expected_hash: str | None = None) -> EventPlan:
    """Return a row's plan. Raises PlanChanged when it is not the one of the hash that was approved."""
    if row["plan"] is None:
        raise PlanChanged(f"request {row['request_id']!r} has no plan")
    plan = plan_from_dict(row["plan"])
    actual = plan_hash(plan)
    expected = expected_hash or row["plan_hash"]
    if not actual == row["plan_hash"] == expected:
        raise PlanChanged(
            f"the plan of {row['request_id']!r} has hash {actual}, approved was {expected}: plan and approve it again"
        )
    return plan


@contextmanager
def step(conn: Connection, *, request_id: str, attempt: int, name: str, plan_hash: str) -> Iterator[StepRun]:
    """Carry out a step: locked, fenced, and noted as running, done or failed.

    `conn` must be in autocommit mode. Raises RequestBusy, StaleAttempt or PlanChanged before anything is done.
    """
    with request_lock(conn, request_id):
        run = _begin(conn, request_id, attempt, name, plan_hash)
        try:
            yield run
        except BaseException as error:
            # The first error is what matters: a session that broke with it must not hide it.
            with suppress(psycopg.Error), conn.transaction():
                failure = store.describe_error(error)
                event_work.finish_step(conn, request_id, attempt, name, state="failed", detail=failure)
            raise
        with conn.transaction():
            event_work.finish_step(conn, request_id, attempt, name, state="done")
            _record_step(conn, run, "done")


@contextmanager
def request_lock(conn: Connection, request_id: str, *, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Hold the request's lock. Raises RequestBusy when another session keeps it for too long."""
    with ExitStack() as held:
        try:
            held.enter_context(session_lock(conn, f"ops_event:{request_id}", wait_seconds=wait_seconds))
        except psycopg.errors.LockNotAvailable as error:
            message = f"request {request_id!r} was being worked on for {wait_seconds:g} s: try again"
            raise RequestBusy(message) from error
        yield


def _begin(conn: Connection, request_id: str, attempt: int, name: str, approved_hash: str) -> StepRun:
    with conn.transaction():
        row = _allowed(conn, request_id, attempt, MAY_STEP, lock=True)
        plan = load_plan(row, approved_hash)
        if row["status"] == "approved":
            reason = f"first step: {name}"
            transition(conn, request_id=request_id, attempt=attempt, allowed=MAY_STEP, to="configuring", reason=reason)
        event_work.start_step(conn, request_id, attempt, name)
    return StepRun(conn=conn, request_id=request_id, attempt=attempt, name=name, plan=plan, result=row["result"])


def _record_step(conn: Connection, run: StepRun, state: str) -> None:
    store.record(
        conn,
        actor=SYSTEM,
        action=f"event.step.{run.name}",
        request_id=run.request_id,
        reason=f"attempt {run.attempt}",
        before=None,
        after={"state": state},
    )


def _allowed(
    conn: Connection, request_id: str, attempt: int, allowed: Collection[str], *, lock: bool = False
) -> store.Row:
    """Return the row if the attempt is the current one and its status is among `allowed`."""
    row = store.find_request(conn, request_id, lock=lock)
    if row is None:
        raise UnknownRequest(f"there is no request {request_id!r}")
    if row["attempt"] != attempt or row["status"] not in allowed:
        raise StaleAttempt(
            f"request {request_id!r} is {row['status']} in attempt {row['attempt']}; attempt {attempt} may act only"
            f" while it is {', '.join(sorted(allowed))}"
        )
    return row
