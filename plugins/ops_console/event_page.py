"""What the page of one event shows, made from its rows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from include.approvals.answer import RULES
from include.approvals.decision import Outcome
from include.events.lifecycle import STEPS
from include.events.plan import plan_from_dict
from include.events.presentation import render_markdown
from include.store.console import Row
from ops_console.language import Wording
from ops_console.markdown import to_html
from ops_console.progress import ACTION_STATUSES, PROGRESS, STAGE_TIMES, can_resume, stage_tones
from ops_console.runs import PROVISIONING_DAG, approval_url, run_url
from ops_console.views import duration_seconds

log = logging.getLogger(__name__)

STEP_TONES = {"running": "busy", "done": "done", "failed": "bad", "undoing": "wait", "undone": "pending"}
APPROVAL_TONES = {"reminder": "wait", "deputy": "wait", "rejected": "bad", "not_allowed": "bad", "expired": "bad"}
MESSAGE_TONES = {"sending": "busy", "sent": "good", "failed": "bad"}
MADE = ("namespace", "schema", "api_url", "prometheus_target", "guide_url", "account")


@dataclass(frozen=True, kw_only=True)
class TimelineEntry:
    """One line of the timeline."""

    label: str
    tone: str
    at: datetime | None = None
    seconds: float | None = None
    detail: str = ""


def actions_for(row: Row) -> list[str]:
    """Return what a person of the staff can do with an event as it stands."""
    actions = [action for action, statuses in ACTION_STATUSES.items() if row["status"] in statuses]
    return ["resume", *actions] if can_resume(row) else actions


def event_context(
    row: Row, *, steps: Sequence[Row], ledger: Sequence[Row], messages: Sequence[Row], wording: Wording
) -> dict[str, Any]:
    """Return everything that `event.html` needs."""
    status = row["status"]
    waiting = status == "awaiting_approval"
    return {
        "event": row | {"name": row["event_name"], "duration_seconds": duration_seconds(row)},
        "body": _complete_body(row["body"]),
        "actions": actions_for(row),
        "approval_url": approval_url(row["dag_run_id"]) if waiting else None,
        "run_url": run_url(PROVISIONING_DAG, row["dag_run_id"]) if row["dag_run_id"] else None,
        "timeline": timeline(row, steps, wording),
        "approvals": [_approval(entry, wording) for entry in row["approvals"]],
        "made": [_made(name, row["result"][name], wording) for name in MADE if row["result"].get(name)],
        "plan_html": plan_html(row, wording.language),
        "messages": [_message(message) for message in messages],
        "ledger": ledger,
        "error": _error(row["error"]),
        "leftovers": (row["error"] or {}).get("leftovers") or [],
        "step_name": lambda step: step_name(step, wording),
    }


def plan_html(row: Row, language: str) -> str | None:
    """Return the plan as its approver sees it; None before there is one, and for one of an older release's form."""
    if row["plan"] is None:
        return None
    try:
        plan = plan_from_dict(row["plan"])
    except msgspec.ValidationError as error:
        log.warning("the plan of %s cannot be shown: %s", row["request_id"], error)
        return None
    return to_html(render_markdown(plan, language=language))


def timeline(row: Row, steps: Sequence[Row], wording: Wording) -> list[TimelineEntry]:
    """Return the stages of an event, the set-up opened up into its steps."""
    tones = stage_tones(row["status"])
    entries: list[TimelineEntry] = []
    for stage, tone in tones.items():
        if stage == "set_up":
            entries += _set_up(steps, wording, is_undone=row["status"] == "rolled_back")
        elif stage != "ready" or PROGRESS[row["status"]].stage is None:
            entries.append(_stage_entry(row, stage, tone, wording))
    return entries


def step_name(step: str, wording: Wording) -> str:
    """Return a step's name in words; one that has no words keeps its own name."""
    return wording.group("step").get(step, step)


def _stage_entry(row: Row, stage: str, tone: str, wording: Wording) -> TimelineEntry:
    at = row[STAGE_TIMES[stage]] if tone != "pending" else None
    detail = ""
    if stage == "received":
        detail = f"{row['requester']} · {row['source']}"
    return TimelineEntry(label=wording.text(f"stage.{stage}"), tone=tone, at=at, detail=detail)


def _set_up(steps: Sequence[Row], wording: Wording, *, is_undone: bool) -> list[TimelineEntry]:
    known = {step["step"]: step for step in steps}
    names = [*STEPS, *(name for name in known if name not in STEPS)]
    entries = []
    for name in names:
        step = known.get(name)
        if step is None:
            if not is_undone:
                entries.append(TimelineEntry(label=step_name(name, wording), tone="pending"))
            continue
        finished_at = step["finished_at"]
        seconds = (finished_at - step["started_at"]).total_seconds() if finished_at else None
        note = "" if step["state"] in ("running", "done") else wording.text(f"step_state.{step['state']}")
        entries.append(
            TimelineEntry(
                label=step_name(name, wording),
                tone=STEP_TONES[step["state"]],
                at=step["started_at"],
                seconds=seconds,
                detail=" · ".join(filter(None, (note, _step_message(step)))),
            )
        )
    return entries


def _step_message(step: Row) -> str:
    detail = step["detail"] or {}
    return str(detail.get("message") or detail.get("error") or "")


def _approval(entry: Row, wording: Wording) -> dict[str, Any]:
    outcome = _outcome(entry)
    by = entry.get("by")
    return {
        "label": wording.group("approval").get(outcome, outcome),
        "tone": APPROVAL_TONES.get(outcome, "done"),
        "by": by if by and by != RULES else ", ".join(entry.get("asked") or ()),
        "at": entry["at"],
        "reason": entry.get("reason"),
    }


def _outcome(entry: Row) -> str:
    """Return what an entry of the approval's history amounts to: what was asked or sent, or how it ended."""
    outcome = str(entry.get("outcome") or entry["kind"])
    return "automatic" if outcome == Outcome.APPROVED and entry.get("by") == RULES else outcome


def _message(row: Row) -> dict[str, Any]:
    problem = (row["detail"] or {}).get("message", "") if row["state"] == "failed" else ""
    return row | {"tone": MESSAGE_TONES[row["state"]], "problem": problem}


def _made(name: str, value: Any, wording: Wording) -> dict[str, Any]:
    text = value.get("username", "") if isinstance(value, dict) else str(value)
    is_link = name != "prometheus_target" and text.startswith(("http://", "https://"))
    return {"label": wording.text(f"made.{name}"), "value": text, "url": text if is_link else None}


def _error(error: Row | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"step": error.get("step"), "message": error.get("message", ""), "faults": error.get("faults") or []}


def _complete_body(body: Row) -> dict[str, Any]:
    """Return the request with the optional fields that were left out."""
    return body | {"event": {"type": None, "notes": None} | body["event"]}
