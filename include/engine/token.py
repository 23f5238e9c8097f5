"""The secret that Alertmanager shows to the engine: a file that both read."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from include.engine.errors import CannotStart

TOKEN_BYTES = 32


def read_or_create_token(path: Path) -> str:
    """Return the token; draw one when the file is missing. Two engines at once end with the same.

    The file appears complete or not at all, readable by its owner only. Raises CannotStart when it cannot be had.
    """
    try:
        if not path.exists():
            _create(path)
        token = path.read_text().strip()
    except OSError as error:
        raise CannotStart(f"{path}: {error.strerror}; set PLATFORM_OPS_ALERT_TOKEN_FILE") from error
    if not token:
        raise CannotStart(f"{path} is empty: remove it, and the engine draws a new token")
    return token


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(TOKEN_BYTES))
    with suppress(FileExistsError):  # another engine was first: its token counts
        path.hardlink_to(name)
    Path(name).unlink()
