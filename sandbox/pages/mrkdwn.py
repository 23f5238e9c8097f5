"""Slack's messages as HTML: mrkdwn text, and blocks reduced to what a reader sees."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

_CODE_BLOCK = re.compile(r"```\n?(.*?)```", re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"&lt;((?:https?|mailto):[^|&]+(?:&amp;[^|&]+)*)(?:\|(.*?))?&gt;")
_STYLES = (
    (re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w_])_([^_\n]+)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"(?<![\w~])~([^~\n]+)~(?![\w~])"), r"<s>\1</s>"),
)
_MARKDOWN_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_MARKDOWN_HEADING = re.compile(r"^#{1,6}\s+(.+)$", re.MULTILINE)
_EMOJI = {
    ":white_check_mark:": "✅",
    ":x:": "❌",
    ":warning:": "⚠️",
    ":rotating_light:": "🚨",
    ":hourglass_flowing_sand:": "⏳",
    ":tada:": "🎉",
    ":bell:": "🔔",
    ":information_source:": "ℹ️",
}


def mrkdwn_html(text: str) -> Markup:
    """Return a mrkdwn text as safe HTML."""
    kept: list[str] = []

    def keep(fragment: str) -> str:
        kept.append(fragment)
        return f"\x00{len(kept) - 1}\x00"

    # Slack asks senders to escape these three; whatever came, all is escaped again.
    plain = text.replace("\x00", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    safe = html.escape(plain, quote=True)
    safe = _CODE_BLOCK.sub(lambda found: keep(f"<pre>{found[1]}</pre>"), safe)
    safe = _CODE.sub(lambda found: keep(f"<code>{found[1]}</code>"), safe)
    safe = _LINK.sub(lambda found: keep(f'<a href="{found[1]}" target="_blank">{found[2] or found[1]}</a>'), safe)
    for pattern, replacement in _STYLES:
        safe = pattern.sub(replacement, safe)
    for name, emoji in _EMOJI.items():
        safe = safe.replace(name, emoji)
    safe = safe.replace("\n", "<br>")
    return Markup(re.sub(r"\x00(\d+)\x00", lambda found: kept[int(found[1])], safe))  # noqa: S704 - escaped above


def block_views(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a message's parts for the template: each has a `kind`, and `html` or `items`."""
    blocks = message.get("blocks") or []
    views = [view for block in blocks for view in _block_views(block)]
    if not views:
        views = [{"kind": "section", "html": mrkdwn_html(str(message.get("text") or ""))}]
    for attachment in message.get("attachments") or []:
        inner = block_views({"blocks": attachment.get("blocks"), "text": _attachment_text(attachment)})
        views.append({"kind": "attachment", "color": _color(attachment), "views": inner})
    return views


def _block_views(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    match block.get("type"):
        case "header":
            yield {"kind": "header", "html": _text_html(block["text"])}
        case "section":
            yield from _section_views(block)
        case "context":
            items = [_text_html(element) for element in block["elements"] if element["type"] != "image"]
            yield {"kind": "context", "items": items}
        case "actions":
            yield _buttons([element for element in block["elements"] if element["type"] == "button"])
        case "image":
            yield {"kind": "context", "items": [Markup("🖼 {}").format(block["alt_text"])]}
        case "markdown":
            text = _MARKDOWN_HEADING.sub(r"*\1*", _MARKDOWN_BOLD.sub(r"*\1*", block["text"]))
            yield {"kind": "section", "html": mrkdwn_html(text)}
        case "divider":
            yield {"kind": "divider"}


def _section_views(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if "text" in block:
        yield {"kind": "section", "html": _text_html(block["text"])}
    if "fields" in block:
        yield {"kind": "fields", "items": [_text_html(field) for field in block["fields"]]}
    if block.get("accessory", {}).get("type") == "button":
        yield _buttons([block["accessory"]])


def _buttons(elements: list[Mapping[str, Any]]) -> dict[str, Any]:
    items = [
        {"label": element["text"]["text"], "url": element.get("url", ""), "style": element.get("style", "")}
        for element in elements
    ]
    return {"kind": "actions", "items": items}


def _text_html(text: Mapping[str, Any]) -> Markup:
    if text.get("type") == "plain_text":
        return Markup("{}").format(text["text"])
    return mrkdwn_html(str(text["text"]))


def _attachment_text(attachment: Mapping[str, Any]) -> str:
    lines = (attachment.get(key) for key in ("pretext", "title", "text"))
    return "\n".join(str(line) for line in lines if line) or str(attachment.get("fallback") or "")


def _color(attachment: Mapping[str, Any]) -> str:
    named = {"good": "#2eb67d", "warning": "#ecb22e", "danger": "#e01e5a"}
    color = str(attachment.get("color") or "")
    if color in named:
        return named[color]
    hexadecimal = color.removeprefix("#")
    return f"#{hexadecimal}" if re.fullmatch(r"[0-9a-fA-F]{6}", hexadecimal) else "#8a8f98"
