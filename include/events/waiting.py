"""Waiting for a state of the world, with a limit."""

import time
from collections.abc import Callable

POLL_SECONDS = 0.2


def wait_for(probe: Callable[[], bool], *, seconds: float, poll_seconds: float = POLL_SECONDS) -> bool:
    """Return True as soon as `probe` does, False when it has not after `seconds`. It is asked once more at the end."""
    deadline = time.monotonic() + seconds
    while not probe():
        if time.monotonic() >= deadline:
            return False
        time.sleep(min(poll_seconds, max(deadline - time.monotonic(), 0)))
    return True
