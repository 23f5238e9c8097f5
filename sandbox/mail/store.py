"""The mail that was taken."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import cached_property

from sandbox.mail.rules import parsed_mail
from sandbox.state import StateStore


@dataclass(frozen=True, kw_only=True)
class StoredMail:
    """A message with its envelope; `message` is parsed when somebody looks."""

    mail_id: int
    received_at: str
    envelope_from: str
    envelope_to: tuple[str, ...]
    subject: str
    raw: bytes

    @cached_property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        return parsed_mail(self.raw)

    @property
    def html(self) -> str:
        """The HTML body, empty when there is none."""
        return _body(self.message, "html")

    @property
    def text(self) -> str:
        """The plain text body, empty when there is none."""
        return _body(self.message, "plain")

    def summary(self) -> dict[str, object]:
        """Return what a list shows."""
        return {
            "id": self.mail_id,
            "received_at": self.received_at,
            "envelope": {"from": self.envelope_from, "to": list(self.envelope_to)},
            "from": str(self.message["From"]),
            "to": str(self.message["To"]),
            "cc": str(self.message["Cc"] or ""),
            "subject": self.subject,
            "date": str(self.message["Date"]),
            "message_id": str(self.message["Message-ID"]).strip(),
        }

    def as_document(self) -> dict[str, object]:
        """Return the message whole, as the inbox's interface does."""
        return self.summary() | {
            "text": self.text,
            "html": self.html,
            "headers": [[name, str(value)] for name, value in self.message.items()],
            "attachments": [
                {"filename": part.get_filename(), "content_type": part.get_content_type()}
                for part in self.message.iter_attachments()
            ],
        }


class MailStore:
    """Keeps mail and finds it again."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    def add(self, *, envelope_from: str, envelope_to: list[str], raw: bytes) -> int:
        """Keep a message and return its id."""
        return self._state.insert(
            "INSERT INTO mails (received_at, envelope_from, envelope_to, subject, raw) VALUES (?, ?, ?, ?, ?)",
            (
                datetime.now(UTC).isoformat(),
                envelope_from,
                json.dumps(envelope_to),
                str(parsed_mail(raw)["Subject"]),
                raw,
            ),
        )

    def count(self) -> int:
        """Return how much mail there is."""
        return int(self._state.query("SELECT count(*) FROM mails")[0][0])

    def get(self, mail_id: int) -> StoredMail | None:
        """Return one message, None when there is none with this id."""
        rows = self._state.query("SELECT * FROM mails WHERE mail_id = ?", (mail_id,))
        return _stored(rows[0]) if rows else None

    def newest(
        self, *, recipient: str = "", subject: str = "", after_id: int = 0, limit: int = 200
    ) -> list[StoredMail]:
        """Return messages, newest first, whose recipients and subject contain the given texts."""
        rows = self._state.query(
            "SELECT * FROM mails WHERE mail_id > ? AND instr(lower(envelope_to), lower(?))"
            " AND instr(lower(subject), lower(?)) ORDER BY mail_id DESC LIMIT ?",
            (after_id, recipient, subject, limit),
        )
        return [_stored(row) for row in rows]

    def clear(self) -> None:
        """Empty the inbox."""
        self._state.change("DELETE FROM mails")


def _stored(row: sqlite3.Row) -> StoredMail:
    return StoredMail(
        mail_id=row["mail_id"],
        received_at=row["received_at"],
        envelope_from=row["envelope_from"],
        envelope_to=tuple(json.loads(row["envelope_to"])),
        subject=row["subject"],
        raw=row["raw"],
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
