"""Mail through the SMTP provider's hook."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING

from platform_ops.hooks.postgres import connection_info

if TYPE_CHECKING:
    from email.message import EmailMessage

SMTP_CONN_ID = "smtp_default"


def send_email(message: EmailMessage, *, smtp_conn_id: str = SMTP_CONN_ID) -> None:
    """Send one complete message, its own Message-ID included.

    The hook's public `send_email_smtp` builds the message itself, with one body part; ours have text and HTML. What is
    used of the hook is the connection: address, log-in, TLS, time-outs.

    Raises smtplib.SMTPException or OSError when the server did not take it.
    """
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    if "Date" not in message:  # RFC 5322 3.6 wants one; the day it is sent, not the day it was written
        message["Date"] = formatdate()
    with SmtpHook(smtp_conn_id=smtp_conn_id) as hook:
        client = hook._smtp_client  # the hook offers no public way to its open client
        if client is None:
            raise ConnectionError(f"{smtp_conn_id}: the hook returned no open SMTP client")
        client.send_message(message)


def sender_address(*, smtp_conn_id: str = SMTP_CONN_ID) -> str:
    """Return the connection's `from_email`. Raises ValueError when the connection names none."""
    address = connection_info(smtp_conn_id).extra.get("from_email")
    if not address:
        raise ValueError(f"connection {smtp_conn_id} names no sender: set from_email in its extra")
    return str(address)
