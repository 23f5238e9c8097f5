"""Tell the people who are asked for an approval, by mail each and once in the channel of the operators.

One failing channel never hides another: all are tried, what failed is in the log and on record. Only when nobody was
reached at all does the task fail, and is tried again.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier
from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowException
from slack_sdk.errors import SlackClientError

from include.clients.errors import ClientError
from include.notifications import guard
from platform_ops.hooks.email import mail_errors, sender_address

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.sdk import Context
    from psycopg import Connection

    from include.approvals.process import Ask
    from include.approvals.roster import Approver
    from include.notifications.mail import RenderedMessage

log = logging.getLogger(__name__)

SLACK_CONN_ID = "slack_default"
# AirflowException: the Slack hook's word for an answer that is no yes, and for a connection that is not configured.
CHANNEL_FAILURES = (ClientError, SlackClientError, OSError, AirflowException)


class NobodyReached(ConnectionError):
    """No channel took the message: worth another try, because the approval would wait unseen."""


def notify_approvers(ops: Connection[Any], context: Context, ask: Ask, *, kind: str, request_id: str) -> None:
    """Send the `asked`, `reminder` or `deputy` message; each channel and person once per kind, however often it is
    tried.

    A further try that asks knows of no answer that was given before it: all who were asked are told so, once per try.

    Raises NobodyReached when no channel took it.
    """
    from include.approvals import messages

    review_url = HITLOperator.generate_link_to_ui_from_context(context=context)
    try_number = context["ti"].try_number
    if kind == "asked" and try_number > 1:
        kind, key_of_kind = "again", ask.key(f"again:{try_number}")
    else:
        key_of_kind = ask.key(kind)
    people = _people(ask, kind)
    sent = 0
    for person in people:
        message = messages.approval_message(kind, ask.plan, person, review_url)
        key = f"{key_of_kind}:mail:{person.username}"
        sent += send_mail_once(ops, context, message, to=person.email, request_id=request_id, key=key)
    if people:
        chat = messages.channel_message(kind, ask.plan, people, review_url)
        sent += send_chat_once(ops, context, chat, request_id=request_id, key=f"{key_of_kind}:slack")
    if not sent:
        raise NobodyReached(f"request {request_id}: no channel took the {kind!r} message for {len(people)} people")


def _people(ask: Ask, kind: str) -> Sequence[Approver]:
    """Return who is told: those asked at first, at their turn the deputies, and again all who were asked before."""
    if kind == "deputy":
        # Whose deputies were asked from the start is asked once more: silence must not be the end of it.
        return ask.group.deputies or ask.group.asked
    if kind == "again" and datetime.now(UTC) >= ask.due.deputy_at:
        return [*ask.group.asked, *ask.group.deputies]
    return ask.group.asked


def send_mail_once(
    ops: Connection[Any], context: Context, message: RenderedMessage, *, to: str, request_id: str, key: str
) -> int:
    """Mail a person unless it was done before; return 1 when the mail is known to be out."""
    from include.notifications.mail import message_id

    def send() -> None:
        domain = sender_address().rpartition("@")[2].strip("<> ")
        notifier = SmtpNotifier(
            to=to,
            subject=message.subject,
            html_content=message.html,
            # The hook sends none, and without one nobody recognises a repetition (strict servers refuse the mail).
            custom_headers={"Message-ID": message_id(request_id, key, domain=domain)},
        )
        # Not called but told to notify: a call would render the text as a template, and customers' words are in it.
        with mail_errors():
            notifier.notify(context)

    return _send_once(ops, request_id, key, send)


def send_chat_once(ops: Connection[Any], context: Context, text: str, *, request_id: str, key: str) -> int:
    """Write to the operators' channel unless it was done before; return 1 when the message is known to be out."""
    notifier = SlackWebhookNotifier(slack_webhook_conn_id=SLACK_CONN_ID, text=text)
    return _send_once(ops, request_id, key, partial(notifier.notify, context))


def _send_once(ops: Connection[Any], request_id: str, key: str, send: Callable[[], None]) -> int:
    """Send unless it was sent before; return 1 when the message is known to be out."""
    try:
        guard.once(ops, request_id=request_id, key=key, send=send)
    except CHANNEL_FAILURES as error:
        log.warning("request %s: %s was not sent: %s", request_id, key, error)
        return 0
    return 1
