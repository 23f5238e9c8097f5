"""The question "may this event be made?" and its answer, kept with the request."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from include.approvals.deadlines import Action, ApprovalDue, Deadlines, due_actions
from include.approvals.decision import Decision, Outcome, check_decision
from include.approvals.errors import ApprovalError
from include.approvals.roster import ApproverGroup, Requester, Roster, approvers_for
from include.events.classify import Tier
from include.events.errors import StaleAttempt, UnknownRequest
from include.events.lifecycle import Connection, load_plan, transition
from include.events.plan import EventPlan
from include.events.presentation import render_markdown
from include.store import events as store

# An answer that does not count ends the question as a no, which `intake.resume` may ask again.
_STATUS_OF_OUTCOME = {
    Outcome.APPROVED: "approved",
    Outcome.REJECTED: "rejected",
    Outcome.NOT_ALLOWED: "rejected",
    Outcome.EXPIRED: "expired",
}
_KIND_OF_OUTCOME = {
    Outcome.APPROVED: "answer",
    Outcome.REJECTED: "answer",
    Outcome.NOT_ALLOWED: "refused",
    Outcome.EXPIRED: "expired",
}
ASKABLE = frozenset({"planned", "awaiting_approval"})
RULES = "rules"


class ApprovalRequired(ApprovalError):
    """The event is too big to be approved automatically."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, whom, and until when."""

    plan: EventPlan
    plan_hash: str
    group: ApproverGroup
    due: ApprovalDue
    subject: str
    markdown: str


def requester_of(conn: Connection, row: store.Row) -> Requester:
    """Return who asked, with every address that is theirs."""
    return Requester(
        identity=row["requester"],
        emails=store.requester_emails(conn, row["request_id"]),
        phone=row["body"]["customer"]["phone"],
    )


def ask(
    conn: Connection,
    *,
    request_id: str,
    attempt: int,
    roster: Roster,
    deadlines: Deadlines,
    now: datetime,
    language: str = "en",
) -> Question:
    """Put the question: who is asked about which plan, until when. Asked again, it keeps its first times.

    Raises NoApprover, StaleAttempt or PlanChanged; nothing is changed then.
    """
    with conn.transaction():
        row = _row(conn, request_id)
        plan = load_plan(row)
        if row["status"] not in ASKABLE or row["attempt"] != attempt:
            raise StaleAttempt(
                f"request {request_id!r} is {row['status']} in attempt {row['attempt']}: nobody is asked"
            )
        group = approvers_for(roster, plan.tier, requester=requester_of(conn, row), at=now)
        if row["status"] == "planned":
            due = ApprovalDue.after(now, deadlines)
            asked = [person.username for person in group.asked]
            transition(
                conn,
                request_id=request_id,
                attempt=attempt,
                allowed={"planned"},
                to="awaiting_approval",
                reason=f"{plan.tier} event: asked {', '.join(asked)}",
                after={"plan_hash": row["plan_hash"]},
            )
            store.set_approval_due(conn, request_id, due.to_dict())
            deputies = [person.username for person in group.deputies]
            entry = {"kind": "asked", "by": None, "tier": plan.tier, "asked": asked, "deputies": deputies}
            store.add_approval(conn, request_id, entry | {"attempt": attempt})
        else:
            due = ApprovalDue.from_dict(row["approval_due"])
    return Question(
        plan=plan,
        plan_hash=row["plan_hash"],
        group=group,
        due=due,
        subject=f"{plan.event.name}: {plan.event.expected_attendees} attendees ({plan.tier})",
        markdown=render_markdown(plan, language=language),
    )


def find_due_actions(conn: Connection, *, request_id: str, now: datetime) -> tuple[Action, ...]:
    """Return what is due for an unanswered question: reminder, deputy or expiry. Nothing when it is answered."""
    row = _row(conn, request_id)
    if row["status"] != "awaiting_approval" or row["approval_due"] is None:
        return ()
    done = {entry["kind"] for entry in _entries_of(row, row["attempt"])}
    return due_actions(ApprovalDue.from_dict(row["approval_due"]), done=done, now=now)


def record_action(conn: Connection, *, request_id: str, attempt: int, action: Action, told: Collection[str]) -> bool:
    """Note that a reminder went out or the deputies were asked; False when it was noted before or is too late."""
    with conn.transaction():
        row = store.find_request(conn, request_id, lock=True)
        if row is None or row["status"] != "awaiting_approval" or row["attempt"] != attempt:
            return False
        if any(entry["kind"] == action for entry in _entries_of(row, attempt)):
            return False
        entry = {"kind": action.value, "by": None, "tier": row["tier"], "asked": list(told), "attempt": attempt}
        store.add_approval(conn, request_id, entry)
    return True


def decide(
    conn: Connection,
    *,
    request_id: str,
    attempt: int,
    roster: Roster,
    responded_by: str | None,
    chosen: Collection[str],
    at: datetime,
    plan_hash: str,
) -> Decision:
    """Check an answer again and act on it; the same call again returns the decision that was made.

    Raises PlanChanged when the answer was for another plan, StaleAttempt when the request has moved on.
    """
    with conn.transaction():
        row = store.find_request(conn, request_id, lock=True) or _row(conn, request_id)
        known = _known_decision(row, attempt)
        if known is not None:
            return known
        plan = load_plan(row, plan_hash)
        decision = check_decision(
            roster,
            tier=plan.tier,
            requester=requester_of(conn, row),
            responded_by=responded_by,
            chosen=chosen,
            at=at,
        )
        _settle(conn, row, attempt, decision, option=", ".join(chosen), allowed={"awaiting_approval"})
    return decision


def approve_automatically(conn: Connection, *, request_id: str, attempt: int, plan_hash: str) -> Decision:
    """Approve a small event by the rules. Raises ApprovalRequired for any other."""
    with conn.transaction():
        row = store.find_request(conn, request_id, lock=True) or _row(conn, request_id)
        known = _known_decision(row, attempt)
        if known is not None:
            return known
        plan = load_plan(row, plan_hash)
        if plan.tier != Tier.SMALL:
            raise ApprovalRequired(f"request {request_id!r} is {plan.tier}: a person has to approve it")
        decision = Decision(outcome=Outcome.APPROVED, by=RULES, reason=plan.reasons[1])
        _settle(conn, row, attempt, decision, option="Approve", allowed={"planned"})
    return decision


def _settle(
    conn: Connection, row: store.Row, attempt: int, decision: Decision, *, option: str, allowed: Collection[str]
) -> None:
    transition(
        conn,
        request_id=row["request_id"],
        attempt=attempt,
        allowed=allowed,
        to=_STATUS_OF_OUTCOME[decision.outcome],
        reason=decision.reason,
        actor=f"user:{decision.by}" if decision.by and decision.by != RULES else "platform-ops",
        after={"plan_hash": row["plan_hash"], "outcome": decision.outcome.value},
    )
    entry = {
        "kind": _KIND_OF_OUTCOME[decision.outcome],
        "outcome": decision.outcome.value,
        "by": decision.by,
        "option": option,
        "tier": row["tier"],
        "reason": decision.reason,
        "attempt": attempt,
    }
    store.add_approval(conn, row["request_id"], entry)


def _known_decision(row: store.Row, attempt: int) -> Decision | None:
    """Return the decision that was already made in this attempt: a task that is tried again finds it."""
    for entry in _entries_of(row, attempt):
        if "outcome" in entry:
            return Decision(outcome=Outcome(entry["outcome"]), by=entry["by"], reason=entry["reason"])
    return None


def _entries_of(row: store.Row, attempt: int) -> list[store.Row]:
    return [entry for entry in row["approvals"] if entry.get("attempt") == attempt]


def _row(conn: Connection, request_id: str) -> store.Row:
    row = store.find_request(conn, request_id)
    if row is None:
        raise UnknownRequest(f"there is no request {request_id!r}")
    return row
