"""Block Kit's limits: one more than each is refused, exactly as many are taken."""

from typing import Any

import pytest

from sandbox.slack.block_kit import block_faults


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def button(text: str = "Go", **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(text), **more}


def limits() -> list[Any]:
    """Cases: a builder of blocks, and the largest number that is allowed."""
    return [
        pytest.param(lambda n: [{"type": "divider"}] * n, 50, id="blocks"),
        pytest.param(lambda n: [{"type": "section", "text": mrkdwn("x" * n)}], 3000, id="section text"),
        pytest.param(lambda n: [{"type": "section", "fields": [mrkdwn("x")] * n}], 10, id="fields"),
        pytest.param(lambda n: [{"type": "section", "fields": [mrkdwn("x" * n)]}], 2000, id="field text"),
        pytest.param(lambda n: [{"type": "header", "text": plain("x" * n)}], 150, id="header"),
        pytest.param(lambda n: [{"type": "actions", "elements": [button("x" * n)]}], 75, id="button text"),
        pytest.param(lambda n: [{"type": "actions", "elements": [button()] * n}], 25, id="actions"),
        pytest.param(lambda n: [{"type": "context", "elements": [mrkdwn("x")] * n}], 10, id="context"),
        pytest.param(lambda n: [{"type": "markdown", "text": "x" * (n // 2)}] * 2, 12_000, id="markdown in all"),
        pytest.param(lambda n: [{"type": "divider", "block_id": "x" * n}], 255, id="block_id"),
    ]


@pytest.mark.parametrize(("build", "largest"), limits())
def test_limits(build: Any, largest: int) -> None:
    assert block_faults(build(largest)) == []
    assert block_faults(build(largest + 2)) != []


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        ({"type": "section"}, "missing required field: text or fields"),
        ({"type": "section", "text": "bare"}, "must be a text object"),
        ({"type": "section", "text": mrkdwn("")}, "must be more than 0 characters"),
        ({"type": "section", "text": mrkdwn("x") | {"emoji": True}}, "additional property not allowed: emoji"),
        ({"type": "section", "text": mrkdwn("x"), "colour": "red"}, "additional property not allowed: colour"),
        ({"type": "header", "text": mrkdwn("x")}, "must be one of plain_text"),
        ({"type": "image", "image_url": "https://example.com/x.png"}, "missing required field: alt_text"),
        ({"type": "image", "alt_text": "x"}, "missing required field: image_url"),
        ({"type": "image", "alt_text": "x", "image_url": "/x.png"}, "must be a valid URL"),
        ({"type": "actions", "elements": []}, "no fewer than 1 items required"),
        ({"type": "actions", "elements": [button(style="green")]}, "must be one of primary, danger"),
        ({"type": "context", "elements": [button()]}, "unsupported type: button"),
        ({"type": "paragraph"}, "unsupported type: paragraph"),
        ("text", "must be an object"),
    ],
)
def test_faults_are_named(block: Any, fault: str) -> None:
    assert any(fault in found for found in block_faults([block]))


def test_block_ids_are_unique() -> None:
    blocks = [{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}]
    assert "block_id already exists: a" in block_faults(blocks)[0]


def test_blocks_are_a_list() -> None:
    assert block_faults({"type": "divider"}) == ["[ERROR] must provide an array [json-pointer:/blocks]"]
