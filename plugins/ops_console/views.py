"""An event as the API shows it. Customers see their event; who decided and what broke inside is for the staff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from include.common.clock import utc_now
from include.events.kpis import Kpis
from include.store.console import Row
from ops_console.progress import can_resume

_RATES = {"success_rate", "error_rate", "complete_rollback_share", "automation_rate", "hours_saved"}
_CUSTOMER_ERROR = "the event could not be set up; the operators have been told"


class FaultView(BaseModel):
    """One thing that is wrong with a request."""

    path: str = Field(description="Dotted path of the field; empty for the body itself.", examples=["event.gates"])
    message: str = Field(examples=["must be from 1 to 200"])


class ErrorDetail(BaseModel):
    """What was refused and why."""

    message: str
    code: str = Field(description="For programs.", examples=["invalid_request"])
    faults: list[FaultView] = []
    first_request_id: str | None = Field(default=None, description="With 409: the request that is there already.")


class ErrorView(BaseModel):
    """The body of every answer that is no success."""

    detail: ErrorDetail


class ReceiptView(BaseModel):
    """A request was taken in, now or earlier."""

    request_id: str
    status: str
    created: bool = Field(description="False when the same request had been received before.")
    attempt: int
    status_url: str = Field(description="Where to follow it; `Location` has the same as a path.")


class RunView(BaseModel):
    """A DAG run that was started."""

    dag_id: str
    dag_run_id: str
    state: str
    run_url: str


class StepView(BaseModel):
    """A step of the current attempt."""

    name: str
    state: str = Field(description="running, done, failed, undoing or undone")
    started_at: datetime
    finished_at: datetime | None
    duration_seconds: float | None


class ApprovalView(BaseModel):
    """Something that happened to the approval."""

    at: datetime
    kind: str = Field(description="asked, reminder, deputy, answer, refused or expired")
    option: str | None = None
    tier: str | None = None
    by: str | None = Field(default=None, description="User name; shown to the staff only.")
    asked: list[str] = Field(default=[], description="User names; shown to the staff only.")
    reason: str | None = Field(default=None, description="Shown to the staff only.")


class EventBodyView(BaseModel):
    """What was asked for."""

    name: str
    venue: str
    starts_at: datetime
    ends_at: datetime
    expected_attendees: int
    gates: int
    type: str | None = None
    notes: str | None = None


class ProblemView(BaseModel):
    """Why an event was not made."""

    step: str | None = None
    message: str
    faults: list[FaultView] = []


class EventSummary(BaseModel):
    """An event in the list."""

    request_id: str
    status: str
    tier: str | None
    event_type: str | None
    priority: str | None
    attempt: int
    event: EventBodyView
    customer_email: str
    requester: str
    received_at: datetime
    planned_at: datetime | None
    approved_at: datetime | None
    configured_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float = Field(description="From receipt to the end, or until now.")
    approval_expires_at: datetime | None
    error: ProblemView | None


class EventView(EventSummary):
    """An event with everything about it."""

    can_resume: bool = Field(description="Whether `resume` would take it up again.")
    approvals: list[ApprovalView]
    steps: list[StepView]
    namespace: str | None = Field(description="Kubernetes namespace.")
    schema_name: str | None = Field(serialization_alias="schema", description="Schema in the platform's database.")
    api_url: str | None
    prometheus_target: str | None
    guide_url: str | None


class EventListView(BaseModel):
    """One page of the list, newest first."""

    events: list[EventSummary]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


class KpisView(BaseModel):
    """The figures of one span of time. Rates are shares from 0 to 1, null when there is nothing to divide by."""

    since: datetime
    until: datetime
    received: int
    completed: int
    failed: int
    rollbacks: int
    complete_rollbacks: int
    success_rate: float | None
    error_rate: float | None
    complete_rollback_share: float | None
    automation_rate: float | None
    mean_seconds: float | None = Field(description="Request to hand-over, without the wait for people.")
    median_seconds: float | None
    p95_seconds: float | None
    mean_wall_seconds: float | None = Field(description="Request to hand-over, everything included.")
    hours_saved: float | None = Field(description="Against the manual minutes per event in the settings.")
    ratings: int
    mean_rating: float | None = Field(description="1 to 5.")


class FiguresView(BaseModel):
    """The figures of the whole span and of its periods, oldest first."""

    total: KpisView
    periods: list[KpisView]


def kpis_view(kpis: Kpis) -> KpisView:
    """Return figures as the API shows them."""
    same = KpisView.model_fields.keys() & (set(Kpis.__dataclass_fields__) | _RATES)
    return KpisView(
        **{name: getattr(kpis, name) for name in same},
        mean_seconds=kpis.machine.mean_seconds,
        median_seconds=kpis.machine.median_seconds,
        p95_seconds=kpis.machine.p95_seconds,
        mean_wall_seconds=kpis.wall.mean_seconds,
    )


def duration_seconds(row: Row) -> float:
    """Return how long a request took from its receipt to its end; one that is not at its end: until now."""
    end: datetime = row["finished_at"] or utc_now()
    received_at: datetime = row["received_at"]
    return round((end - received_at).total_seconds(), 1)


def event_summary(row: Row, *, for_customer: bool) -> EventSummary:
    """Return an event as it stands in the list."""
    return EventSummary(**_summary_fields(row, for_customer=for_customer))


def event_view(row: Row, steps: Sequence[Row], *, for_customer: bool) -> EventView:
    """Return an event with its approvals, steps and what was made for it."""
    result = row["result"]
    return EventView(
        **_summary_fields(row, for_customer=for_customer),
        can_resume=can_resume(row),
        approvals=[_approval(entry, for_customer=for_customer) for entry in row["approvals"]],
        steps=[_step(step) for step in steps],
        schema_name=result.get("schema"),
        **{name: result.get(name) for name in ("namespace", "api_url", "prometheus_target", "guide_url")},
    )


def _summary_fields(row: Row, *, for_customer: bool) -> dict[str, Any]:
    same = ("request_id", "status", "tier", "event_type", "priority", "attempt", "customer_email", "requester")
    times = ("received_at", "planned_at", "approved_at", "configured_at", "finished_at")
    return {name: row[name] for name in same + times} | {
        "event": EventBodyView(**row["body"]["event"]),
        "duration_seconds": duration_seconds(row),
        "approval_expires_at": (row["approval_due"] or {}).get("expires_at"),
        "error": _problem(row["error"], for_customer=for_customer),
    }


def _problem(error: Row | None, *, for_customer: bool) -> ProblemView | None:
    if error is None:
        return None
    faults = [FaultView(**fault) for fault in error.get("faults") or ()]
    hidden = for_customer and not faults
    message = _CUSTOMER_ERROR if hidden else error.get("message", "")
    return ProblemView(step=error.get("step"), message=message, faults=faults)


def _approval(entry: Row, *, for_customer: bool) -> ApprovalView:
    shown = ApprovalView.model_validate(entry)
    return shown.model_copy(update={"by": None, "reason": None, "asked": []}) if for_customer else shown


def _step(row: Row) -> StepView:
    started_at, finished_at = row["started_at"], row["finished_at"]
    seconds = round((finished_at - started_at).total_seconds(), 3) if finished_at else None
    return StepView(
        name=row["step"],
        state=row["state"],
        started_at=started_at,
        finished_at=finished_at,
        duration_seconds=seconds,
    )
