"""Block Kit's rules for messages: which blocks and elements exist, their fields and their limits.

Limits as documented at https://docs.slack.dev/reference/block-kit/blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

MAX_BLOCKS = 50
MAX_MARKDOWN_CHARACTERS = 12_000
_MAX_ID_CHARACTERS = 255

Check = Callable[[object, str], Iterator[str]]


@dataclass(frozen=True)
class Shape:
    """The fields that an object may have, each with its check, and those that it must have."""

    fields: Mapping[str, Check]
    required: tuple[str, ...] = ()


def block_faults(blocks: object) -> list[str]:
    """Return what Slack would say is wrong with a message's blocks; nothing when they are good."""
    if not isinstance(blocks, list):
        return [_fault("must provide an array", "/blocks")]
    if len(blocks) > MAX_BLOCKS:
        return [_fault(f"no more than {MAX_BLOCKS} items allowed", "/blocks")]
    faults = [fault for index, block in enumerate(blocks) for fault in _block(block, f"/blocks/{index}")]
    return faults or [*_repeated_ids(blocks), *_markdown_too_long(blocks)]


def _fault(message: str, pointer: str) -> str:
    return f"[ERROR] {message} [json-pointer:{pointer}]"


def _text(maximum: int, *, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> Check:
    """Check a text object of 1 to `maximum` characters."""

    def check(value: object, pointer: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield _fault("must be a text object", pointer)
            return
        kind = value.get("type")
        if kind not in kinds:
            yield _fault(f"must be one of {', '.join(kinds)}", f"{pointer}/type")
            return
        extra = {"emoji": _boolean} if kind == "plain_text" else {"verbatim": _boolean}
        shape = Shape({"type": _anything, "text": _string(maximum), **extra}, ("text",))
        yield from _object(value, pointer, shape)

    return check


def _string(maximum: int, *, minimum: int = 1) -> Check:
    def check(value: object, pointer: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield _fault("must be a string", pointer)
        elif len(value) > maximum:
            yield _fault(f"must be less than {maximum + 1} characters", pointer)
        elif len(value) < minimum:
            yield _fault(f"must be more than {minimum - 1} characters", pointer)

    return check


def _one_of(*choices: str) -> Check:
    def check(value: object, pointer: str) -> Iterator[str]:
        if value not in choices:
            yield _fault(f"must be one of {', '.join(choices)}", pointer)

    return check


def _items(check_item: Check, *, maximum: int, minimum: int = 1) -> Check:
    def check(value: object, pointer: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield _fault("must provide an array", pointer)
        elif len(value) > maximum:
            yield _fault(f"no more than {maximum} items allowed", pointer)
        elif len(value) < minimum:
            yield _fault(f"no fewer than {minimum} items required", pointer)
        else:
            for index, item in enumerate(value):
                yield from check_item(item, f"{pointer}/{index}")

    return check


def _boolean(value: object, pointer: str) -> Iterator[str]:
    if not isinstance(value, bool):
        yield _fault("must be a boolean", pointer)


def _anything(_value: object, _pointer: str) -> Iterator[str]:
    return iter(())


def _mapping(value: object, pointer: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _fault("must be an object", pointer)


def _web_address(value: object, pointer: str) -> Iterator[str]:
    yield from _string(3000)(value, pointer)
    if isinstance(value, str) and not value.startswith(("http://", "https://")):
        yield _fault("must be a valid URL", pointer)


def _object(value: Mapping[str, object], pointer: str, shape: Shape) -> Iterator[str]:
    for name in shape.required:
        if name not in value:
            yield _fault(f"missing required field: {name}", pointer)
    for name, content in value.items():
        check = shape.fields.get(name)
        if check is None:
            yield _fault(f"additional property not allowed: {name}", pointer)
        else:
            yield from check(content, f"{pointer}/{name}")


def _typed(shapes: Mapping[str, Shape]) -> Check:
    """Check an object whose shape is named by its ``type``."""

    def check(value: object, pointer: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield _fault("must be an object", pointer)
            return
        kind = value.get("type")
        shape = shapes.get(kind) if isinstance(kind, str) else None
        if shape is None:
            yield _fault(f"unsupported type: {kind}", f"{pointer}/type")
            return
        yield from _object(value, pointer, shape)

    return check


_PLAIN = ("plain_text",)
_ID = _string(_MAX_ID_CHARACTERS)
_OPTION = Shape(
    {"text": _text(75), "value": _string(150), "description": _text(75, kinds=_PLAIN), "url": _web_address},
    ("text",),
)


def _option(value: object, pointer: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _object(value, pointer, _OPTION)
    else:
        yield _fault("must be an object", pointer)


_IMAGE_FIELDS: Mapping[str, Check] = {
    "type": _anything,
    "image_url": _web_address,
    "slack_file": _mapping,
    "alt_text": _string(2000),
}
_ELEMENTS = {
    "button": Shape(
        {
            "type": _anything,
            "text": _text(75, kinds=_PLAIN),
            "action_id": _ID,
            "url": _web_address,
            "value": _string(2000),
            "style": _one_of("primary", "danger"),
            "confirm": _mapping,
            "accessibility_label": _string(75),
        },
        ("text",),
    ),
    "static_select": Shape(
        {
            "type": _anything,
            "placeholder": _text(150, kinds=_PLAIN),
            "action_id": _ID,
            "options": _items(_option, maximum=100),
            "initial_option": _option,
            "confirm": _mapping,
            "focus_on_load": _boolean,
        },
        ("options",),
    ),
    "overflow": Shape(
        {"type": _anything, "action_id": _ID, "options": _items(_option, maximum=5), "confirm": _mapping},
        ("options",),
    ),
}
_IMAGE_ELEMENT = Shape(_IMAGE_FIELDS, ("alt_text",))
_CONTEXT_ELEMENT_TEXT = {"type": _anything, "text": _string(3000), "emoji": _boolean, "verbatim": _boolean}
_CONTEXT_ELEMENTS = {
    "image": _IMAGE_ELEMENT,
    "plain_text": Shape(_CONTEXT_ELEMENT_TEXT, ("text",)),
    "mrkdwn": Shape(_CONTEXT_ELEMENT_TEXT, ("text",)),
}
_COMMON: Mapping[str, Check] = {"type": _anything, "block_id": _ID}
_BLOCKS = {
    "section": Shape(
        {
            **_COMMON,
            "text": _text(3000),
            "fields": _items(_text(2000), maximum=10),
            "accessory": _typed({**_ELEMENTS, "image": _IMAGE_ELEMENT}),
            "expand": _boolean,
        }
    ),
    "header": Shape({**_COMMON, "text": _text(150, kinds=_PLAIN)}, ("text",)),
    "divider": Shape(_COMMON),
    "image": Shape({**_COMMON, **_IMAGE_FIELDS, "title": _text(2000, kinds=_PLAIN)}, ("alt_text",)),
    "actions": Shape({**_COMMON, "elements": _items(_typed(_ELEMENTS), maximum=25)}, ("elements",)),
    "context": Shape({**_COMMON, "elements": _items(_typed(_CONTEXT_ELEMENTS), maximum=10)}, ("elements",)),
    "markdown": Shape({**_COMMON, "text": _string(MAX_MARKDOWN_CHARACTERS)}, ("text",)),
    "rich_text": Shape({**_COMMON, "elements": _items(_mapping, maximum=1000)}, ("elements",)),
}


def _block(block: object, pointer: str) -> Iterator[str]:
    yield from _typed(_BLOCKS)(block, pointer)
    if not isinstance(block, dict):
        return
    if block.get("type") == "section" and not {"text", "fields"} & block.keys():
        yield _fault("missing required field: text or fields", pointer)
    if block.get("type") == "image" and not {"image_url", "slack_file"} & block.keys():
        yield _fault("missing required field: image_url", pointer)


def _repeated_ids(blocks: list[dict[str, object]]) -> Iterator[str]:
    seen: set[object] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id is not None and block_id in seen:
            yield _fault(f"block_id already exists: {block_id}", f"/blocks/{index}/block_id")
        seen.add(block_id)


def _markdown_too_long(blocks: list[dict[str, object]]) -> Iterator[str]:
    total = sum(len(str(block["text"])) for block in blocks if block.get("type") == "markdown")
    if total > MAX_MARKDOWN_CHARACTERS:
        yield _fault(f"markdown text must be less than {MAX_MARKDOWN_CHARACTERS + 1} characters in all", "/blocks")
