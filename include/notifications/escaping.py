"""Making other people's text harmless in Markdown.

Customers write names and notes that approvers read: nobody may draw a link, a picture, a heading or HTML there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# CommonMark 2.4: ASCII punctuation may be escaped with a backslash and is then only itself. These are the characters
# that mean something inside a line, and those that make a heading, list or rule when they begin one.
_INLINE = re.compile(r"([\\`*_\[\]{}#|~$!])")
_BEGINNING = re.compile(r"^([-+=]|\d+(?=[.)](?:\s|$)))")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# GFM makes links of bare addresses after escapes are resolved; an invisible word joiner in front of what it looks for
# (://, www, @) leaves the text readable and no link.
_WORD_JOINER = "\u2060"
_AUTOLINK = re.compile(r"(?<=www)(?=\.)|(?=://)|(?<=@)", re.IGNORECASE)


@dataclass(frozen=True)
class Trusted:
    """Text of our own that is Markdown already."""

    markdown: str


def escape_markdown(text: str) -> str:
    """Return the text so that Markdown shows it as it is, on one line."""
    inert = _AUTOLINK.sub(_WORD_JOINER, " ".join(text.split()))
    escaped = _INLINE.sub(r"\\\1", inert).translate(_ENTITIES)
    return _BEGINNING.sub(_escape_beginning, escaped)


def escape_deep(value: Any) -> Any:
    """Escape every text in nested values, so that a template cannot forget one. `Trusted` comes out as it is."""
    if isinstance(value, Trusted):
        return value.markdown
    if isinstance(value, str):
        return escape_markdown(value)
    if isinstance(value, Mapping):
        return {key: escape_deep(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [escape_deep(entry) for entry in value]
    return value


def _escape_beginning(found: re.Match[str]) -> str:
    """Escape a dash as it is; a number's dot gets an invisible character in front, since digits cannot be escaped."""
    sign = found.group()
    return f"{sign}{_WORD_JOINER}" if sign.isdigit() else f"\\{sign}"


def escape_slack(text: str) -> str:
    """Return the text so that Slack's mrkdwn makes no link, mention or command of it.

    Three characters control Slack's parser (docs.slack.dev, "Escaping text"); formatting signs get an invisible
    character in front, because mrkdwn has no escape for them.
    """
    inert = _AUTOLINK.sub(_WORD_JOINER, " ".join(text.split())).translate(_ENTITIES)
    return re.sub(r"([*_~`])", rf"{_WORD_JOINER}\1", inert)
