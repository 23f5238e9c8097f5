"""A brake on guessing: after some failures, further ones are told to wait and are no longer logged."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Lock

MAX_FAILURES = 10
WINDOW_SECONDS = 60
MAX_SOURCES = 10_000


class FailureThrottle:
    """Counts failures per source in this process; the longest unseen source is forgotten when there are too many."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    def is_blocked(self, source: str) -> bool:
        """Return whether this source failed too often within the last minute."""
        with self._lock:
            return len(self._recent(source)) >= MAX_FAILURES

    def note_failure(self, source: str) -> None:
        """Count one failure."""
        with self._lock:
            failures = self._recent(source)
            failures.append(self._clock())
            self._failures[source] = failures
            self._failures.move_to_end(source)
            while len(self._failures) > MAX_SOURCES:
                self._failures.popitem(last=False)

    def _recent(self, source: str) -> deque[float]:
        failures = self._failures.get(source, deque(maxlen=MAX_FAILURES))
        oldest = self._clock() - WINDOW_SECONDS
        while failures and failures[0] <= oldest:
            failures.popleft()
        return failures
