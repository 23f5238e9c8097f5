"""From `git clone` to a finished demo, as somebody new does it; and once more."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from stack.config import ROOT, Ports


def measure_fresh_clone() -> tuple[float, float]:
    """Return the seconds of the first `make demo` in a new clone, nothing cached, and of one after `make down`.

    Debian's packages are installed already when this runs. Raises subprocess.CalledProcessError when the demo finds
    anything not as it should be.
    """
    with tempfile.TemporaryDirectory(prefix="fresh-clone-") as folder:
        clone = Path(folder) / "clone"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "UV_CACHE_DIR": f"{folder}/cache",
            "PIP_CACHE_DIR": f"{folder}/pip",
            **_free_ports(),
        }
        try:
            started = time.monotonic()
            _run(["git", "clone", "--quiet", str(ROOT), str(clone)], Path(folder), environment)
            _run(["make", "demo"], clone, environment)
            first = time.monotonic() - started
            _run(["make", "down"], clone, environment)
            started = time.monotonic()
            _run(["make", "demo"], clone, environment)
            return first, time.monotonic() - started
        finally:
            _run(["make", "down"], clone, environment)


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=1200)


def _free_ports() -> dict[str, str]:
    names = list(Ports.__dataclass_fields__)
    with ExitStack() as held:
        opened = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
        return {Ports.variable(name): str(each.getsockname()[1]) for name, each in zip(names, opened, strict=True)}
