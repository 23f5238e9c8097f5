"""Mail through the SMTP provider's hook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from smtplib import SMTPServerDisconnected
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowException

from include.clients.errors import Unreachable
from include.clients.smtp import SERVICE, smtp_errors
from platform_ops.hooks.postgres import connection_info

if TYPE_CHECKING:
    from email.message import EmailMessage

SMTP_CONN_ID = "smtp_default"


def send_email(message: EmailMessage, *, smtp_conn_id: str = SMTP_CONN_ID) -> None:
    """Send one complete message, its own Message-ID included.

    The hook's public `send_email_smtp` builds the message itself, with one body part; ours have text and HTML. What is
    used of the hook is the connection: address, log-in, TLS, time-outs.

    Raises RetryableError when the server could not be reached or may take it later, PermanentError when it never will.
    """
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    if "Date" not in message:  # RFC 5322 3.6 wants one; the day it is sent, not the day it was written
        message["Date"] = formatdate()
    with mail_errors(), SmtpHook(smtp_conn_id=smtp_conn_id) as hook:
        client = hook._smtp_client  # the hook offers no public way to its open client
        if client is None:
            raise ConnectionError(f"{smtp_conn_id}: the hook returned no open SMTP client")
        client.send_message(message)


@contextmanager
def mail_errors() -> Iterator[None]:
    """Turn what the SMTP provider raises into a RetryableError or a PermanentError."""
    try:
        with smtp_errors():
            yield
    except AirflowException as error:
        # The hook replaces a connection that is dropped at the greeting by an error without a type of its own.
        if isinstance(error.__context__, SMTPServerDisconnected):
            raise Unreachable(SERVICE, str(error)) from error
        raise


def sender_address(*, smtp_conn_id: str = SMTP_CONN_ID) -> str:
    """Return the connection's `from_email`. Raises ValueError when the connection names none."""
    address = connection_info(smtp_conn_id).extra.get("from_email")
    if not address:
        raise ValueError(f"connection {smtp_conn_id} names no sender: set from_email in its extra")
    return str(address)
