"""Tell the people who are asked about taking an event down, by mail each and once in the operators' channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator

from platform_ops.notifications.approvals import NobodyReached, send_chat_once, send_mail_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context
    from psycopg import Connection

    from include.approvals.roster import Approver
    from include.events.decommission_plan import DecommissionPlan


def notify_about_take_down(
    ops: Connection[Any], context: Context, plan: DecommissionPlan, people: Sequence[Approver], *, asked_by: str
) -> None:
    """Ask each person once per run, and once more in each further try, which knows of no earlier answer.

    Raises NobodyReached when no channel took it.
    """
    from include.events import decommission_approval as approval

    review_url = HITLOperator.generate_link_to_ui_from_context(context=context)
    request_id, try_number = plan.take_down.request_id, context["ti"].try_number
    again = try_number > 1
    key = f"decommission:{context['run_id']}" + (f":again:{try_number}" if again else "")
    sent = 0
    for person in people:
        message = approval.approval_message(plan, person, asked_by=asked_by, review_url=review_url, again=again)
        mail_key = f"{key}:mail:{person.username}"
        sent += send_mail_once(ops, context, message, to=person.email, request_id=request_id, key=mail_key)
    chat = approval.channel_message(plan, people, asked_by=asked_by, review_url=review_url, again=again)
    sent += send_chat_once(ops, context, chat, request_id=request_id, key=f"{key}:slack")
    if not sent:
        raise NobodyReached(f"request {request_id}: no channel took the question for {len(people)} people")
