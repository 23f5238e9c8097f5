"""What approvers are told, by mail each and once in the operators' channel."""

from __future__ import annotations

from collections.abc import Sequence

from include.approvals.roster import Approver
from include.events.plan import EventPlan
from include.events.presentation import plan_context
from include.notifications.escaping import escape_slack
from include.notifications.mail import RenderedMessage, render_message

_OPENINGS = {
    "asked": "An event needs a decision",
    "again": "An event needs a decision once more: an answer that was given could not be taken",
    "reminder": "An event still waits for a decision",
    "deputy": "Nobody has decided yet: the deputies are asked",
}


def approval_message(kind: str, plan: EventPlan, person: Approver, review_url: str) -> RenderedMessage:
    """Return the mail to a person; `kind` is "asked", "again", "reminder" or "deputy"."""
    context = plan_context(plan, language=person.language)
    context |= {"kind": str(kind), "person": person.name, "review_url": review_url}
    return render_message("approval", language=person.language, context=context)


def channel_message(kind: str, plan: EventPlan, people: Sequence[Approver], review_url: str) -> str:
    """Return the message to the channel, in Slack's mrkdwn, which names the people who are asked."""
    context = plan_context(plan, language="en")
    mentions = " ".join(f"<@{person.slack_id}>" for person in people)
    return (
        f"*{_OPENINGS[str(kind)]}*: {escape_slack(plan.event.name)} ({escape_slack(plan.event.venue)})\n"
        f"{context['tier_label']}: {context['tier_reason']}\n"
        f"{context['starts_at']} · ₩{context['cost_total']} · {context['cpu']} CPU, {context['memory']} GiB\n"
        f"{mentions} <{review_url}|Review the plan and decide>"
    )
