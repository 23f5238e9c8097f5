"""Messages: what Twilio checks before it takes one, where they are kept and how they are found again."""

from __future__ import annotations

import re
import secrets
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime

import phonenumbers

from sandbox.state import SqlValue, StateStore
from sandbox.twilio.errors import TwilioError
from sandbox.twilio.segments import count_segments

MAX_BODY_CHARACTERS = 1600
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_DAY_SECONDS = 86_400
_SENT_AFTER_SECONDS = 0.2
_DELIVERED_AFTER_SECONDS = 1.0

# Twilio's magic numbers: https://www.twilio.com/docs/iam/test-credentials#test-sms-messages
_MAGIC_RECIPIENTS = {
    "+15005550001": (21211, "Invalid 'To' Phone Number: +15005550001"),
    "+15005550002": (21612, "The 'To' phone number: +15005550002, is not currently reachable"),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region of the 'To' number"),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number is not a valid mobile number"),
}


@dataclass(frozen=True)
class OutgoingMessage:
    """A message that passed all checks."""

    recipient: str
    sender: str
    body: str


def check_message(form: Mapping[str, str], *, owned_sender: str) -> OutgoingMessage:
    """Return the message that a form asks for.

    Raises TwilioError with the first fault in the order in which Twilio looks: To, From, Body.
    """
    recipient = form.get("To", "")
    if not recipient:
        raise TwilioError(21604, "A 'To' phone number is required.")
    if not _is_phone_number(recipient):
        raise TwilioError(21211, f"Invalid 'To' Phone Number: {recipient}")
    if recipient in _MAGIC_RECIPIENTS:
        raise TwilioError(*_MAGIC_RECIPIENTS[recipient])
    sender = form.get("From", "")
    if not sender and not form.get("MessagingServiceSid"):
        raise TwilioError(21603, "A 'From' phone number is required.")
    if sender and not _is_phone_number(sender):
        raise TwilioError(21212, f"Invalid From Number (caller ID): {sender}")
    if sender and sender != owned_sender:
        message = (
            f"The 'From' phone number {sender} is not a valid, SMS-capable inbound phone number "
            "or short code for your account."
        )
        raise TwilioError(21606, message)
    body = form.get("Body", "")
    if not body and not form.get("MediaUrl") and not form.get("ContentSid"):
        raise TwilioError(21602, "Message body is required.")
    if len(body) > MAX_BODY_CHARACTERS:
        raise TwilioError(21617, f"The concatenated message body exceeds the {MAX_BODY_CHARACTERS} character limit.")
    return OutgoingMessage(recipient, sender or owned_sender, body)


def _is_phone_number(text: str) -> bool:
    if not _E164.fullmatch(text):
        return False
    try:
        return text.startswith("+1500555") or phonenumbers.is_possible_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return False


@dataclass(frozen=True)
class MessageFilter:
    """Which messages to list: by number, and by the time of sending (both ends included)."""

    recipient: str = ""
    sender: str = ""
    sent_from: float = 0
    sent_until: float = float("inf")


def message_filter(query: Mapping[str, str]) -> MessageFilter:
    """Read the list's filters.

    Raises TwilioError (20001) for a date that is none.
    """
    sent_from, sent_until = 0.0, float("inf")
    if "DateSent" in query:
        day = _moment(query["DateSent"]).replace(hour=0, minute=0, second=0)
        sent_from, sent_until = day.timestamp(), day.timestamp() + _DAY_SECONDS
    if "DateSent>" in query:
        sent_from = _moment(query["DateSent>"]).timestamp()
    if "DateSent<" in query:
        sent_until = _moment(query["DateSent<"]).timestamp()
    return MessageFilter(query.get("To", ""), query.get("From", ""), sent_from, sent_until)


def _moment(text: str) -> datetime:
    try:
        if len(text) == len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise TwilioError(20001, f"Invalid date: {text}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class MessageStore:
    """The account's messages."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    def add(self, message: OutgoingMessage) -> sqlite3.Row:
        """Keep a message and return its row."""
        sid = "SM" + secrets.token_hex(16)
        self._state.change(
            "INSERT INTO sms_messages VALUES (?, ?, ?, ?, ?, ?)",
            (sid, message.recipient, message.sender, message.body, count_segments(message.body), time.time()),
        )
        return self._state.query("SELECT * FROM sms_messages WHERE sid = ?", (sid,))[0]

    def get(self, sid: str) -> sqlite3.Row | None:
        """Return one message's row, None when there is none with this sid."""
        return next(iter(self._state.query("SELECT * FROM sms_messages WHERE sid = ?", (sid,))), None)

    def page(self, wanted: MessageFilter, *, offset: int, size: int) -> list[sqlite3.Row]:
        """Return the matching messages, newest first."""
        parameters: tuple[SqlValue, ...] = (
            wanted.recipient,
            wanted.sender,
            wanted.sent_from,
            wanted.sent_until,
            size,
            offset,
        )
        return self._state.query(
            "SELECT * FROM sms_messages WHERE ?1 IN ('', recipient) AND ?2 IN ('', sender)"
            " AND created_at BETWEEN ?3 AND ?4 ORDER BY created_at DESC, rowid DESC LIMIT ?5 OFFSET ?6",
            parameters,
        )


def as_resource(row: sqlite3.Row, account_sid: str) -> dict[str, object]:
    """Return the Message resource.

    Delivery is derived from the age: queued, sent after 0.2 s, delivered after 1 s. `date_sent` is unknown before.
    """
    age = time.time() - row["created_at"]
    created_at = format_datetime(datetime.fromtimestamp(row["created_at"], UTC))
    sent = age >= _SENT_AFTER_SECONDS
    status = "delivered" if age >= _DELIVERED_AFTER_SECONDS else "sent" if sent else "queued"
    uri = f"/2010-04-01/Accounts/{account_sid}/Messages/{row['sid']}.json"
    return {
        "sid": row["sid"],
        "account_sid": account_sid,
        "messaging_service_sid": None,
        "api_version": "2010-04-01",
        "to": row["recipient"],
        "from": row["sender"],
        "body": row["body"],
        "status": status,
        "direction": "outbound-api",
        "num_segments": str(row["segments"]),
        "num_media": "0",
        "date_created": created_at,
        "date_updated": created_at,
        "date_sent": created_at if sent else None,
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "error_message": None,
        "uri": uri,
        "subresource_uris": {"media": uri.replace(".json", "/Media.json")},
    }
