"""Live progress of `make up`: one line per finished part, and on a terminal what is still awaited."""

import sys
import threading
import time
from collections.abc import Iterable
from typing import TextIO


class Progress:
    """Prints what happened and when, in seconds since the start. Safe to use from several threads."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._started_at = time.monotonic()
        self._lock = threading.Lock()
        self._is_live = self._stream.isatty()

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_at

    def line(self, text: str) -> None:
        """Print a line with the elapsed time in front."""
        with self._lock:
            self._erase()
            self._stream.write(f"{self.elapsed_seconds:6.1f} s  {text}\n")
            self._stream.flush()

    def awaiting(self, names: Iterable[str]) -> None:
        """Show what is awaited, in place; nothing where lines cannot be taken back."""
        if not self._is_live:
            return
        with self._lock:
            self._erase()
            self._stream.write(f"{self.elapsed_seconds:6.1f} s  … {', '.join(names)}"[:100])
            self._stream.flush()

    def _erase(self) -> None:
        if self._is_live:
            self._stream.write("\r\x1b[K")


class Silence(Progress):
    """Says nothing; for tests and scripts."""

    def line(self, text: str) -> None:
        """Drop the line."""

    def awaiting(self, names: Iterable[str]) -> None:
        """Drop the names."""
