"""Run the demo against the running stack: `python -m demo`, or `make demo`, which starts what is not running."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console as Terminal
from rich.live import Live
from rich.table import Table

from demo.clients import AirflowUser, Console, UnexpectedAnswer, checked
from demo.requests import DemoRequest
from demo.world import Addresses, Finding, look_at_event

DAG_ID, APPROVAL_TASK = "event_provisioning", "approve_plan"
FINAL = frozenset({"completed", "rejected", "expired", "invalid", "rolled_back", "rollback_failed", "cancelled"})
POLL_SECONDS = 0.5
LIMIT_SECONDS = 300
# Airflow 3.3 fails a task whose answer comes in the same scheduler loop as its pause; only programs are that fast.
ANSWER_AFTER_SECONDS = 2.0


@dataclass
class Progress:
    """One submission on its way."""

    request: DemoRequest
    status: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    waiting_since: float | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Return whether nothing more will happen to it."""
        return bool(self.request.faults) or self.status.get("status") in FINAL

    @property
    def problems(self) -> list[str]:
        """Return everything that is not as it should be, in words."""
        if self.request.faults:
            return [] if self.note.startswith("refused") else [f"{self.request.title}: {self.note}"]
        wrong = [f"{self.request.title}: {found.what}: {found.fault}" for found in self.findings if found.fault]
        if self.status.get("status") != "completed":
            wrong.append(f"{self.request.title} ended as {self.status.get('status')}: {self.status.get('error')}")
        elif self.status.get("tier") != self.request.tier:
            wrong.append(f"{self.request.title} was put into tier {self.status.get('tier')}, not {self.request.tier}")
        return wrong


@dataclass(frozen=True)
class Cast:
    """Who takes part: the customer's console and the people who answer approvals, by user name."""

    customer: Console
    people: dict[str, AirflowUser]
    intruder: AirflowUser


def run(
    requests: list[DemoRequest],
    *,
    cast: Cast,
    addresses: Addresses,
    terminal: Terminal,
    limit_seconds: float = LIMIT_SECONDS,
) -> list[str]:
    """Submit, answer, wait and look; return what is not as it should be (empty: all well)."""
    rows = [Progress(request=request) for request in requests]
    started = time.monotonic()
    with Live(_table(rows), console=terminal, refresh_per_second=4, transient=False) as live:
        for row in rows:
            _submit(row, cast.customer)
            live.update(_table(rows))
        while not all(row.done for row in rows) and time.monotonic() - started < limit_seconds:
            for row in rows:
                if not row.done:
                    _follow(row, cast)
            live.update(_table(rows))
            time.sleep(POLL_SECONDS)
        for row in rows:
            if row.status.get("status") == "completed":
                row.findings = list(look_at_event(addresses, row.request.body, row.status))
                row.note = f"{sum(not found.fault for found in row.findings)}/{len(row.findings)} checks passed"
                live.update(_table(rows))
    return [problem for row in rows for problem in row.problems]


def _submit(row: Progress, customer: Console) -> None:
    answer = customer.submit(row.request.body)
    if not row.request.faults:
        row.status = checked(answer, 202).json()
        return
    faults = checked(answer, 422).json()["detail"]["faults"]
    paths = ", ".join(fault["path"] for fault in faults)
    right = len(faults) == row.request.faults
    row.note = f"{'refused' if right else 'wrongly refused'} at once, {len(faults)} faults named: {paths}"


def _follow(row: Progress, cast: Cast) -> None:
    row.status = cast.customer.status(row.request.body["request_id"])
    if row.request.approver is None or row.status["status"] != "awaiting_approval":
        return
    run_id = f"request__{row.request.body['request_id']}__1"
    approver = cast.people[row.request.approver]
    if approver.task_state(dag_id=DAG_ID, run_id=run_id, task_id=APPROVAL_TASK) != "awaiting_input":
        return
    row.waiting_since = row.waiting_since or time.monotonic()
    if time.monotonic() - row.waiting_since < ANSWER_AFTER_SECONDS:
        return
    where = {"dag_id": DAG_ID, "run_id": run_id, "task_id": APPROVAL_TASK}
    if not row.note:
        refused = cast.intruder.answer(**where, option="Approve")
        if refused.status_code != 403:
            raise UnexpectedAnswer(f"{cast.intruder.username} may not approve, but was answered {refused.status_code}")
        checked(approver.answer(**where, option="Approve"), 200)
        row.note = f"{cast.intruder.username} was refused, {approver.username} approved"


def _table(rows: list[Progress]) -> Table:
    table = Table(title=f"Event provisioning, {datetime.now(UTC):%H:%M:%S} UTC", title_justify="left")
    for heading in ("request", "tier", "status", "steps", "seconds", "what happened"):
        table.add_column(heading)
    for row in rows:
        steps = row.status.get("steps") or []
        table.add_row(
            row.request.title,
            str(row.status.get("tier") or ""),
            "refused" if row.request.faults and row.note else str(row.status.get("status") or "…"),
            f"{sum(step['state'] == 'done' for step in steps)}/{len(steps)}" if steps else "",
            f"{row.status.get('duration_seconds') or 0:.0f}" if row.status else "",
            row.note,
        )
    return table
