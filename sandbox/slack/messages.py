"""Messages in the workspace's channels: what makes one postable, and where they are kept."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.slack.block_kit import block_faults
from sandbox.state import StateStore

MAX_TEXT_CHARACTERS = 40_000
MAX_ATTACHMENTS = 100
BOT_ID = "B0SANDBOX01"
BOT_USER_ID = "U0SANDBOX01"

_CHANNEL_ID = re.compile(r"[CDG][A-Z0-9]{8,}")
_USER_ID = re.compile(r"[UW][A-Z0-9]{5,20}")
_MESSAGE_KEYS = ("text", "blocks", "attachments", "thread_ts", "metadata")


class MessageRefused(Exception):
    """A message that Slack would not take; `error` is Slack's own word for it."""

    def __init__(self, error: str, details: list[str] | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.details = details or []


@dataclass(frozen=True)
class Channel:
    """A channel, or the direct messages with one user."""

    channel_id: str
    name: str


@dataclass(frozen=True)
class PostedMessage:
    """A message as it stands in its channel."""

    ts: str
    channel: Channel
    content: Mapping[str, object]


class Workspace:
    """The channels and their messages."""

    def __init__(self, state: StateStore, channel_names: tuple[str, ...]) -> None:
        self._state = state
        self.channels = tuple(Channel(_identifier("C", name), name) for name in channel_names)

    def channel(self, reference: str, *, by_name: bool = True) -> Channel:
        """Return the channel with this id or, where Slack takes one, this name; a user's id is a direct message.

        Raises MessageRefused (channel_not_found).
        """
        for channel in self.channels:
            if reference == channel.channel_id or (by_name and reference.removeprefix("#") == channel.name):
                return channel
        if by_name and _USER_ID.fullmatch(reference):
            return Channel(_identifier("D", reference), f"@{reference}")
        posted = self._state.query("SELECT message FROM slack_messages WHERE channel = ? LIMIT 1", (reference,))
        if posted and _CHANNEL_ID.fullmatch(reference):
            return Channel(reference, str(json.loads(posted[0]["message"])["channel_name"]))
        raise MessageRefused("channel_not_found")

    def post(self, channel: Channel, message: Mapping[str, object], *, source: str) -> PostedMessage:
        """Keep a message; its `ts` is unique in the workspace and never given out again."""
        ts = f"{int(time.time())}.{self._state.next_value('slack_ts'):06d}"
        content = {key: message[key] for key in _MESSAGE_KEYS if message.get(key)}
        self._state.change(
            "INSERT INTO slack_messages (ts, channel, source, message, posted_at) VALUES (?, ?, ?, ?, ?)",
            (ts, channel.channel_id, source, _kept(channel, content), _now()),
        )
        return PostedMessage(ts, channel, content)

    def update(self, channel: Channel, ts: str, message: Mapping[str, object]) -> PostedMessage:
        """Replace a message's content.

        Raises MessageRefused (message_not_found).
        """
        content = {key: message[key] for key in _MESSAGE_KEYS if message.get(key)}
        changed = self._state.change(
            "UPDATE slack_messages SET message = ?, edited_at = ? WHERE ts = ? AND channel = ?",
            (_kept(channel, content), _now(), ts, channel.channel_id),
        )
        if not changed:
            raise MessageRefused("message_not_found")
        return PostedMessage(ts, channel, content)

    def messages(self, channel_id: str = "") -> list[dict[str, object]]:
        """Return the messages of one channel or of all, oldest first."""
        rows = self._state.query(
            "SELECT * FROM slack_messages WHERE ? IN ('', channel) ORDER BY posted_at, ts", (channel_id,)
        )
        return [
            json.loads(row["message"])
            | {key: row[key] for key in ("ts", "channel", "source", "posted_at", "edited_at")}
            for row in rows
        ]


def check_message(message: Mapping[str, object]) -> None:
    """Raise MessageRefused unless Slack would take the message."""
    text, blocks, attachments = (message.get(key) for key in ("text", "blocks", "attachments"))
    if not text and not blocks and not attachments:
        raise MessageRefused("no_text")
    if text is not None and not isinstance(text, str):
        raise MessageRefused("invalid_arguments", ["[ERROR] must be a string [json-pointer:/text]"])
    if len(text or "") > MAX_TEXT_CHARACTERS:
        raise MessageRefused("msg_too_long")
    if isinstance(attachments, list) and len(attachments) > MAX_ATTACHMENTS:
        raise MessageRefused("too_many_attachments")
    thread_ts = message.get("thread_ts")
    if thread_ts is not None and not isinstance(thread_ts, str):
        raise MessageRefused("invalid_arguments", ["[ERROR] must be a string [json-pointer:/thread_ts]"])
    faults = block_faults(blocks) if blocks is not None else []
    faults += _attachment_faults(attachments)
    if faults:
        raise MessageRefused("invalid_blocks", faults)


def _attachment_faults(attachments: object) -> list[str]:
    if attachments is None:
        return []
    if not isinstance(attachments, list):
        return ["[ERROR] must provide an array [json-pointer:/attachments]"]
    if not all(isinstance(attachment, dict) for attachment in attachments):
        return ["[ERROR] must be an object [json-pointer:/attachments]"]
    return [
        fault for attachment in attachments if "blocks" in attachment for fault in block_faults(attachment["blocks"])
    ]


def _identifier(prefix: str, name: str) -> str:
    return prefix + "0" + hashlib.sha256(name.encode()).hexdigest()[:9].upper()


def _kept(channel: Channel, content: Mapping[str, object]) -> str:
    return json.dumps({**content, "channel_name": channel.name}, ensure_ascii=False)


def _now() -> str:
    return datetime.now(UTC).isoformat()
