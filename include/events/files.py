"""Files that are either there as a whole or not at all, also after a crash."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

READABLE_BY_ALL = 0o644


@contextmanager
def temporary_beside(path: Path, text: str) -> Iterator[Path]:
    """Write a text, safely on disk, to a hidden file beside `path`; it is gone afterwards unless it was moved."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", suffix=".tmp", delete=False
    ) as file:
        temporary = Path(file.name)
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(READABLE_BY_ALL)
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


def move_into_place(temporary: Path, path: Path) -> None:
    """Replace `path` in one act and make the change of its folder durable."""
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def unfinished_beside(path: Path) -> list[Path]:
    """Return what a process that was killed while writing `path` has left."""
    return sorted(path.parent.glob(f".{path.name}.*.tmp"))
