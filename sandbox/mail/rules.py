"""What a message must be to be taken: RFC 5322, and what large receivers ask for on top."""

from __future__ import annotations

import codecs
import re
from email import policy
from email.headerregistry import AddressHeader, DateHeader
from email.message import EmailMessage
from email.parser import BytesParser

MAX_LINE_BYTES = 998  # RFC 5322 section 2.1.1, without CR LF

# RFC 5322 asks for Date and From; without To and Subject mail is taken for spam, and without Message-ID large
# receivers answer 550 5.7.1.
REQUIRED_HEADERS = ("From", "Date", "To", "Subject", "Message-ID")
_MESSAGE_ID = re.compile(r"<[^<>@\s]+@[^<>@\s]+>")
_BARE_LINE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n")


def parsed_mail(raw: bytes) -> EmailMessage:
    """Return the message of its bytes."""
    message = BytesParser(policy=policy.default).parsebytes(raw)
    if not isinstance(message, EmailMessage):
        raise TypeError(f"the parser's policy gave a {type(message).__name__}")
    return message


def mail_refusal(raw: bytes) -> str | None:
    """Return the SMTP answer that refuses the message, None when it is good."""
    if _BARE_LINE_END.search(raw):
        return "550 5.6.11 Bare CR or LF in the message: lines must end with CR LF"
    lines = raw.split(b"\r\n")
    longest = max(len(line) for line in lines)
    if longest > MAX_LINE_BYTES:
        return f"500 5.5.2 Line too long: {longest} bytes, at most {MAX_LINE_BYTES} (RFC 5322 2.1.1)"
    header_bytes = raw.partition(b"\r\n\r\n")[0]
    if not header_bytes.isascii():
        return "550 5.6.7 Non-ASCII header: encode it (RFC 2047)"
    return _header_refusal(parsed_mail(raw))


def _header_refusal(message: EmailMessage) -> str | None:
    for name in REQUIRED_HEADERS:
        found = message.get_all(name, [])
        if len(found) != 1:
            return f"550 5.7.1 Message has {len(found)} {name} headers, expected one (RFC 5322 3.6)"
        if not str(found[0]).strip():
            return f"550 5.7.1 The {name} header is empty"
    if "Bcc" in message:
        return "550 5.7.1 Message has a Bcc header: it would show the blind recipients"
    if not _MESSAGE_ID.fullmatch(str(message["Message-ID"]).strip()):
        return "550 5.7.1 Messages missing a valid Message-ID header are not accepted"
    return _content_refusal(message)


def _content_refusal(message: EmailMessage) -> str | None:
    date = message["Date"]
    if not isinstance(date, DateHeader) or date.datetime is None:
        return f"550 5.7.1 The Date header is no date: {date}"
    for name in ("From", "To"):
        header = message[name]
        addresses = header.addresses if isinstance(header, AddressHeader) else ()
        if not addresses or not all(address.username and address.domain for address in addresses):
            return f"550 5.7.1 The {name} header holds no valid address"
    return _charset_refusal(message)


def _charset_refusal(message: EmailMessage) -> str | None:
    for part in message.walk():
        charset = part.get_content_charset("us-ascii")
        try:
            codecs.lookup(charset)
        except LookupError:
            return f"554 5.6.1 Unknown charset {charset}"
    return None
