"""Acting on an answer to the question "may this event be made?"."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from include.approvals.decision import APPROVE, Decision, Outcome, check_decision
from include.approvals.errors import ApprovalRequired
from include.approvals.history import Connection, entries_of, locked_row, requester_of
from include.approvals.roster import Roster, load_roster
from include.events.classify import Tier
from include.events.lifecycle import SYSTEM, load_plan, transition
from include.settings import get_settings
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
RULES = "rules"


def conclude(
    conn: Connection,
    *,
    request_id: str,
    attempt: int,
    plan_hash: str,
    answer: Mapping[str, Any],
    roster: Roster | None = None,
) -> Decision:
    """Check the answer to a question again and act on it; the same call again returns the decision that was made.

    `answer` is `{"automatic": True}`, `{"expired": True}` or `{"chosen", "responded_by", "responded_at"}`.
    Raises PlanChanged when the answer was for another plan, StaleAttempt when the request has moved on.
    """
    if answer.get("automatic"):
        return approve_automatically(conn, request_id=request_id, attempt=attempt, plan_hash=plan_hash)
    responded_at = answer.get("responded_at")
    return decide(
        conn,
        request_id=request_id,
        attempt=attempt,
        roster=roster or load_roster(get_settings().approvers_file),
        responded_by=None if answer.get("expired") else answer.get("responded_by"),
        chosen=[answer["chosen"]] if answer.get("chosen") else [],
        at=datetime.fromisoformat(responded_at) if responded_at else datetime.now(UTC),
        plan_hash=plan_hash,
    )


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
    """Judge an answer given at a time, `responded_by` being None when there was none, and act on it."""
    with conn.transaction():
        row = locked_row(conn, request_id)
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
        row = locked_row(conn, request_id)
        known = _known_decision(row, attempt)
        if known is not None:
            return known
        plan = load_plan(row, plan_hash)
        if plan.tier != Tier.SMALL:
            raise ApprovalRequired(f"request {request_id!r} is {plan.tier}: a person has to approve it")
        decision = Decision(outcome=Outcome.APPROVED, by=RULES, reason=plan.reasons[1])
        _settle(conn, row, attempt, decision, option=APPROVE, allowed={"planned"})
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
        actor=f"user:{decision.by}" if decision.by and decision.by != RULES else SYSTEM,
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
    for entry in entries_of(row, attempt):
        if "outcome" in entry:
            return Decision(outcome=Outcome(entry["outcome"]), by=entry["by"], reason=entry["reason"])
    return None
