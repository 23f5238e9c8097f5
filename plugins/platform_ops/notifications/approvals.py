"""Tell the people who are asked for an approval, by mail each and once in the channel of the operators.

One failing channel never hides another: all are tried, what failed is in the log and on record. Only when nobody was
reached at all does the task fail, and is tried again.
"""

from __future__ import annotations

import logging
from functools import partial
from smtplib import SMTPException
from typing import TYPE_CHECKING, Any

from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier
from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowNotFoundException
from slack_sdk.errors import SlackClientError

from include.notifications import guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context
    from psycopg import Connection

    from include.approvals.process import Ask

log = logging.getLogger(__name__)

SLACK_CONN_ID = "slack_default"
CHANNEL_FAILURES = (SMTPException, SlackClientError, OSError, AirflowNotFoundException)


class NobodyReached(ConnectionError):
    """No channel took the message: worth another try, because the approval would wait unseen."""


def notify_approvers(ops: Connection[Any], context: Context, ask: Ask, *, kind: str, request_id: str) -> None:
    """Send the `asked`, `reminder` or `deputy` message; each channel and person once per kind, however often it is
    tried.

    Raises NobodyReached when no channel took it.
    """
    from include.approvals import messages

    review_url = HITLOperator.generate_link_to_ui_from_context(context=context)
    people = ask.group.deputies if kind == "deputy" else ask.group.asked
    sent = 0
    for person in people:
        message = messages.approval_message(kind, ask.plan, person, review_url)
        mail = SmtpNotifier(to=person.email, subject=message.subject, html_content=message.html)
        sent += send_once(ops, request_id, f"{ask.key(kind)}:mail:{person.username}", partial(mail, context))
    if people:
        chat = messages.channel_message(kind, ask.plan, people, review_url)
        slack = SlackWebhookNotifier(slack_webhook_conn_id=SLACK_CONN_ID, text=chat)
        sent += send_once(ops, request_id, f"{ask.key(kind)}:slack", partial(slack, context))
    if not sent:
        raise NobodyReached(f"request {request_id}: no channel took the {kind!r} message for {len(people)} people")


def send_once(ops: Connection[Any], request_id: str, key: str, send: Callable[[], None]) -> int:
    """Send unless it was sent before; return 1 when the message is known to be out."""
    try:
        guard.once(ops, request_id=request_id, key=key, send=send)
    except CHANNEL_FAILURES as error:
        log.warning("request %s: %s was not sent: %s", request_id, key, error)
        return 0
    return 1
