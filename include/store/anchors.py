"""Anchors: the ledger's head, published where the database's own administrators cannot reach it.

A chain in one database can be rewritten as a whole by whoever owns that database. What cannot be rewritten is a head
that somebody else keeps: a later chain either contains it, or was changed. Each anchor is one object, written once.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from upath import UPath

from include.common.clock import parse_instant
from include.store.errors import AnchorConflict, AnchorError

FORMAT = "platform-ops-ledger-anchor-v1"
_LOCAL_PROTOCOLS = frozenset({"", "file", "local"})
_READ_ONLY = 0o444


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """The ledger's last entry at one moment. Entry 0 with a hash of zeros stands for the empty ledger."""

    entry_id: int
    entry_hash: bytes
    published_at: datetime

    @property
    def name(self) -> str:
        """Return the object's name: in the order of the ledger, and another one for another chain."""
        return f"{self.entry_id:020d}-{self.entry_hash.hex()[:16]}.json"

    def same_head(self, other: Anchor) -> bool:
        """Tell whether both anchors are of the same entry, whenever they were published."""
        return (self.entry_id, self.entry_hash) == (other.entry_id, other.entry_hash)


def write_anchor(url: str, anchor: Anchor) -> str:
    """Publish an anchor below `url` (a folder, s3://..., whatever universal-pathlib can write); return its address.

    A head that was published before is left as it is. Raises AnchorConflict when an object of that name says something
    else, AnchorError when the place cannot be written.
    """
    folder = UPath(url)
    target = folder / anchor.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _create(target, _encode(anchor))
    except FileExistsError:
        if not _read(target).same_head(anchor):
            raise AnchorConflict(f"{target} exists and is not the anchor of entry {anchor.entry_id}") from None
    except OSError as error:
        raise AnchorError(f"cannot write the anchor {target}: {error}") from error
    return str(target)


def load_anchors(url: str) -> tuple[Anchor, ...]:
    """Return every anchor below `url` in the order of the ledger; none when there is nothing there.

    Raises AnchorError when one cannot be read, AnchorConflict when one is no anchor or does not belong to its name.
    """
    folder = UPath(url)
    if not folder.exists():
        return ()
    return tuple(_read(path) for path in sorted(folder.glob("*.json"), key=lambda path: path.name))


def _create(target: UPath, content: bytes) -> None:
    if target.protocol in _LOCAL_PROTOCOLS:
        _create_file(Path(target.path), content)
        return
    with target.open("xb") as stream:
        stream.write(content)


def _create_file(target: Path, content: bytes) -> None:
    """Create a file that is there as a whole or not at all, also after a crash in between, and never replace one."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".anchor-") as draft:
        draft.write(content)
        draft.flush()
        os.fchmod(draft.fileno(), _READ_ONLY)
        os.fsync(draft.fileno())
        target.hardlink_to(draft.name)


def _encode(anchor: Anchor) -> bytes:
    content = {
        "format": FORMAT,
        "entry_id": anchor.entry_id,
        "entry_hash": anchor.entry_hash.hex(),
        "published_at": anchor.published_at.isoformat(),
    }
    return (json.dumps(content, indent=1) + "\n").encode()


def _read(path: UPath) -> Anchor:
    try:
        content = json.loads(path.read_bytes())
        anchor = Anchor(
            entry_id=int(content["entry_id"]),
            entry_hash=bytes.fromhex(content["entry_hash"]),
            published_at=parse_instant(content["published_at"]),
        )
    except OSError as error:
        raise AnchorError(f"{path} cannot be read: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise AnchorConflict(f"{path} cannot be read as an anchor: {error}") from error
    if anchor.name != path.name or anchor.entry_id < 0:
        raise AnchorConflict(f"{path} holds the anchor {anchor.name}: it was renamed or changed")
    return anchor
