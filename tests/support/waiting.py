"""Wait for a state with a limit, instead of sleeping and hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(probe: Callable[[], T], *, seconds: float = 30, every: float = 0.1, what: str = "the state") -> T:
    """Call `probe` until it returns something true, and return that.

    Raises:
        TimeoutError: `probe` was still false after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(every)
