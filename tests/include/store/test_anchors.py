"""Anchors: written once, never replaced, read back as they were."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from include.store.anchors import Anchor, load_anchors, write_anchor
from include.store.errors import AnchorConflict, AnchorError

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def anchor(entry_id: int = 7, *, byte: int = 0xAB, at: datetime = AT) -> Anchor:
    """Return an anchor whose hash is one byte repeated."""
    return Anchor(entry_id=entry_id, entry_hash=bytes([byte]) * 32, published_at=at)


@pytest.fixture(params=["folder", "object store"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place of each kind: files are linked into place, objects are created exclusively."""
    return str(tmp_path / "anchors") if request.param == "folder" else f"memory://{uuid4()}/anchors"


def test_what_was_published_is_read_back_in_the_order_of_the_ledger(url: str) -> None:
    late, early = anchor(1_000), anchor(20, byte=0xCD)
    write_anchor(url, late)
    write_anchor(url, early)

    assert load_anchors(url) == (early, late)


def test_nothing_published_is_no_error(url: str) -> None:
    assert load_anchors(url) == ()


def test_the_same_head_is_published_once(url: str) -> None:
    first = write_anchor(url, anchor())
    again = write_anchor(url, anchor(at=AT.replace(hour=10)))

    assert again == first
    assert load_anchors(url) == (anchor(),)


def test_another_chain_does_not_replace_the_anchor_of_the_first(url: str) -> None:
    write_anchor(url, anchor())
    write_anchor(url, anchor(byte=0xEF))

    assert len(load_anchors(url)) == 2


def test_an_anchor_with_other_content_is_a_conflict(url: str) -> None:
    twin = Anchor(entry_id=7, entry_hash=b"\xab" * 31 + b"\0", published_at=AT)
    write_anchor(url, anchor())

    with pytest.raises(AnchorConflict, match=twin.name):
        write_anchor(url, twin)


def test_a_file_cannot_be_written_to_by_accident_and_leaves_no_draft(tmp_path: Path) -> None:
    path = Path(write_anchor(str(tmp_path), anchor()))

    assert path.stat().st_mode & 0o777 == 0o444
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(AnchorError, match="file"):
        write_anchor(str(tmp_path / "file" / "below"), anchor())


@pytest.mark.parametrize("change", [{"entry_id": 8}, {"entry_hash": "zz"}, {"published_at": "yesterday"}])
def test_a_changed_anchor_is_an_error(tmp_path: Path, change: dict[str, object]) -> None:
    path = Path(write_anchor(str(tmp_path), anchor()))
    content = json.loads(path.read_text()) | change
    path.unlink()
    path.write_text(json.dumps(content))

    with pytest.raises(AnchorError, match=path.name):
        load_anchors(str(tmp_path))
