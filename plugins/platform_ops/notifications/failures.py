"""Tell the operators at once that something failed, by mail and in their channel, through the providers' hooks."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

from include.notifications.escaping import escape_slack
from include.notifications.mail import build_text_email, message_id
from include.settings import get_settings
from platform_ops.hooks.email import send_email, sender_address
from platform_ops.notifications.approvals import CHANNEL_FAILURES, SLACK_CONN_ID, NobodyReached

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What the operators are told, with an address to look at. Mails of one `key` are one mail to who receives them."""

    subject: str
    text: str
    key: str
    link: str = ""


def send(context: Context, notice: Notice) -> None:
    """Send by mail and to the channel; one failing never hides the other. Raises NobodyReached when both failed."""
    channels: tuple[Callable[[], None], ...] = (partial(_mail, notice), partial(_channel(notice).notify, context))
    if not sum(_try(channel, notice) for channel in channels):
        raise NobodyReached(f"no channel took {notice.subject!r}")


def tell_of_failed_run(context: Context) -> None:
    """Tell of a DAG run that failed. The run has failed whatever happens here, so that is only in the log."""
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    address = f"{get_settings().public_url}/dags/{dag_id}/runs/{run_id}"
    subject = f"{dag_id} failed"
    text = f"Reason: {context.get('reason') or 'not given'}. The DAG's documentation says what to do."
    try:
        send(context, Notice(subject=subject, text=text, key=f"failed-run:{dag_id}:{run_id}", link=address))
    except NobodyReached as error:
        log.error("run %s of %s failed and nobody was told: %s", run_id, dag_id, error)


def _try(channel: Callable[[], None], notice: Notice) -> bool:
    try:
        channel()
    except (*CHANNEL_FAILURES, ValueError) as error:  # ValueError: a connection that names no sender
        log.warning("%r was not sent: %s", notice.subject, error)
        return False
    return True


def _mail(notice: Notice) -> None:
    sender = sender_address()
    mail = build_text_email(
        notice.subject,
        f"{notice.text}\n{notice.link}".strip(),
        sender=sender,
        recipient=get_settings().operators_email,
        identifier=message_id(notice.key, domain=sender.rpartition("@")[2].strip("<> ")),
    )
    send_email(mail)


def _channel(notice: Notice) -> SlackWebhookNotifier:
    """Return the notifier. Not to be called but told to notify: a call would render the text as a template."""
    text = f"*{escape_slack(notice.subject)}*\n{escape_slack(notice.text)}"
    text += f"\n<{notice.link}|Open>" if notice.link else ""
    return SlackWebhookNotifier(slack_webhook_conn_id=SLACK_CONN_ID, text=text)
