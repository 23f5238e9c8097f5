"""The dead-man's switch of the alert path: Prometheus' alert `Watchdog` fires always and has to arrive every minute.

Prometheus watches the engine; this is the engine watching Prometheus and Alertmanager, whose own alerts could not
leave when they are down.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from enum import StrEnum

from include.engine.metrics import EngineMetrics

log = logging.getLogger(__name__)

# It comes every minute; five missed ones are no hiccup.
SILENT_AFTER_SECONDS = 300.0


class AlertPath(StrEnum):
    """What the heartbeat says about rules, Prometheus and Alertmanager together."""

    NOT_HEARD_YET = "not heard yet"
    ALIVE = "alive"
    SILENT = "silent"


class WatchdogListener:
    """Remembers when the heartbeat was last heard, and says in the log when it stops and when it comes back."""

    def __init__(self, metrics: EngineMetrics, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._monotonic = monotonic
        self._started_at = monotonic()
        self._heard_at: float | None = None
        self._logged = AlertPath.NOT_HEARD_YET

    def heard(self) -> None:
        """Note a heartbeat."""
        self._heard_at = self._monotonic()
        self._metrics.watchdog_seen_at.set_to_current_time()
        self.check()

    @property
    def state(self) -> AlertPath:
        """Whether alerts would get out."""
        since = self._heard_at if self._heard_at is not None else self._started_at
        if self._monotonic() - since > SILENT_AFTER_SECONDS:
            return AlertPath.SILENT
        return AlertPath.NOT_HEARD_YET if self._heard_at is None else AlertPath.ALIVE

    def check(self) -> None:
        """Log a change of state."""
        state = self.state
        if state is self._logged:
            return
        if state is AlertPath.SILENT:
            log.error("No Watchdog alert for %.0f s: Prometheus or Alertmanager is down", SILENT_AFTER_SECONDS)
        else:
            log.info("The Watchdog alert arrives: the alert path is alive")
        self._logged = state
