"""Who decides about taking an event down, what they are told, and whether an answer counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from include.approvals.decision import Decision, Outcome, check_decision
from include.approvals.history import requester_of
from include.approvals.roster import Approver, ApproverGroup, Requester, Roster, approvers_for
from include.events.decommission_plan import DecommissionPlan, record_approval
from include.events.errors import UnknownRequest
from include.notifications.escaping import escape_slack
from include.notifications.mail import RenderedMessage, render_message
from include.notifications.templates import format_number
from include.store import events as store
from include.store.events import Connection

# Whatever the event's size: a manager or above.
TIER = "medium"


def find_approvers(ops: Connection, *, request_id: str, asked_by: str, roster: Roster, at: datetime) -> ApproverGroup:
    """Return who is asked: neither who wants the event taken down nor who once asked for it. Raises NoApprover."""
    interested = _interested(ops, request_id=request_id, asked_by=asked_by)
    others = [person for person in roster.people if not any(one.is_person(person) for one in interested)]
    return approvers_for(Roster(people=tuple(others)), TIER, requester=interested[0], at=at)


def conclude(
    ops: Connection,
    *,
    request_id: str,
    plan_hash: str,
    reason: str,
    grace_days: int,
    asked_by: str,
    answer: Mapping[str, Any],
    roster: Roster,
) -> Decision:
    """Check an answer again and keep it: an approval with the request, anything else in the ledger only.

    `answer` is `{"expired": True}` or `{"chosen", "responded_by", "responded_at"}`. Raises PlanChanged, StaleAttempt.
    """
    decision = _judge(_interested(ops, request_id=request_id, asked_by=asked_by), answer, roster)
    if decision.outcome is Outcome.APPROVED and decision.by is not None:
        record_approval(
            ops,
            request_id=request_id,
            plan_hash=plan_hash,
            reason=reason,
            grace_days=grace_days,
            approved_by=decision.by,
        )
        return decision
    with ops.transaction():
        store.record(
            ops,
            actor=f"user:{decision.by or asked_by}",
            action="event.keep",
            request_id=request_id,
            reason=decision.reason,
            before=None,
            after={"plan_hash": plan_hash, "outcome": decision.outcome.value},
        )
    return decision


def approval_message(
    plan: DecommissionPlan, person: Approver, *, asked_by: str, review_url: str, again: bool = False
) -> RenderedMessage:
    """Return the mail to a person who is asked, `again` when an earlier answer could not be taken."""
    context = {
        "person": person.name,
        "event_name": plan.take_down.event_name,
        "reason": plan.take_down.reason,
        "asked_by": asked_by,
        "rows": format_number(sum(table.row_count for table in plan.tables)),
        "grace_days": plan.take_down.grace_days,
        "review_url": review_url,
        "again": again,
        "request_id": plan.take_down.request_id,
    }
    return render_message("decommission_approval", language=person.language, context=context)


def channel_message(
    plan: DecommissionPlan, people: Sequence[Approver], *, asked_by: str, review_url: str, again: bool = False
) -> str:
    """Return the message to the operators' channel, in Slack's mrkdwn."""
    once_more = " once more: an answer that was given could not be taken" if again else ""
    mentions = " ".join(f"<@{person.slack_id}>" for person in people)
    return (
        f"*Taking an event down needs a decision{once_more}*: {escape_slack(plan.take_down.event_name)}\n"
        f"{escape_slack(asked_by)}: {escape_slack(plan.take_down.reason)}\n"
        f"{mentions} <{review_url}|Review the plan and decide>"
    )


def _interested(ops: Connection, *, request_id: str, asked_by: str) -> tuple[Requester, Requester]:
    """Return the two who may not decide: who wants it taken down now and who asked for the event."""
    row = store.find_request(ops, request_id)
    if row is None:
        raise UnknownRequest(f"there is no request {request_id!r}")
    return Requester(identity=f"user:{asked_by}"), requester_of(ops, row)


def _judge(interested: Sequence[Requester], answer: Mapping[str, Any], roster: Roster) -> Decision:
    """Return the first objection, or the approval when nobody who is interested gave it."""
    responded_at = answer.get("responded_at")
    decisions = [
        check_decision(
            roster,
            tier=TIER,
            requester=requester,
            responded_by=None if answer.get("expired") else answer.get("responded_by"),
            chosen=[answer["chosen"]] if answer.get("chosen") else [],
            at=datetime.fromisoformat(responded_at) if responded_at else datetime.now(UTC),
        )
        for requester in interested
    ]
    return next((decision for decision in decisions if decision.outcome is not Outcome.APPROVED), decisions[0])
