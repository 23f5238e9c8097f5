"""Mails with text and HTML, and Message-IDs by which a repetition is recognised."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from include.common.clock import utc_now
from include.notifications.errors import BrokenTemplate
from include.notifications.templates import render

MESSAGE_ID_LENGTH = 32


@dataclass(frozen=True, kw_only=True)
class RenderedMessage:
    """A message in one language: subject, plain text and the same as HTML."""

    subject: str
    text: str
    html: str
    language: str


def render_message(name: str, *, language: str, context: Mapping[str, Any]) -> RenderedMessage:
    """Render `<name>.txt`, whose first line is the subject, and `<name>.html`. Raises BrokenTemplate."""
    subject, _, text = render(f"{name}.txt", language=language, context=context).partition("\n")
    if not subject.strip():
        raise BrokenTemplate(f"{language}/{name}.txt: the first line, the subject, is empty")
    html = render(f"{name}.html", language=language, context=context)
    return RenderedMessage(subject=subject.strip(), text=text, html=html, language=language)


def message_id(*parts: object, domain: str) -> str:
    """Return a Message-ID that is the same for the same parts: a mail sent twice is one mail to the reader."""
    digest = hashlib.sha256("\x00".join(str(part) for part in parts).encode()).hexdigest()
    return f"<{digest[:MESSAGE_ID_LENGTH]}@{domain}>"


def build_email(
    message: RenderedMessage, *, sender: str, recipient: str, recipient_name: str = "", identifier: str
) -> EmailMessage:
    """Return a complete mail; mail programs show the HTML where they can."""
    mail = build_text_email(message.subject, message.text, sender=sender, recipient=recipient, identifier=identifier)
    local, _, domain = recipient.rpartition("@")
    mail.replace_header("To", Address(display_name=recipient_name, username=local, domain=domain))
    mail["Content-Language"] = message.language
    mail.add_alternative(message.html, subtype="html")
    return mail


def build_text_email(subject: str, text: str, *, sender: str, recipient: str, identifier: str) -> EmailMessage:
    """Return a complete mail in plain text."""
    mail = EmailMessage()
    mail["Subject"] = subject
    mail["From"] = sender
    mail["To"] = recipient
    mail["Date"] = format_datetime(utc_now())
    mail["Message-ID"] = identifier
    # RFC 3834: keeps out-of-office answers away.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return mail
