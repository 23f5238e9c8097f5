"""The dead-man's switch: silence is the message."""

import logging

import pytest

from include.engine.metrics import EngineMetrics
from include.engine.watchdog import SILENT_AFTER_SECONDS, AlertPath, WatchdogListener


class Clock:
    """Seconds that only a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watchdog(clock: Clock) -> WatchdogListener:
    return WatchdogListener(EngineMetrics(version="test"), monotonic=clock)


def test_it_may_take_a_while_to_come(watchdog: WatchdogListener, clock: Clock) -> None:
    clock.seconds += SILENT_AFTER_SECONDS
    assert watchdog.state is AlertPath.NOT_HEARD_YET


def test_it_never_came(watchdog: WatchdogListener, clock: Clock) -> None:
    clock.seconds += SILENT_AFTER_SECONDS + 1
    assert watchdog.state is AlertPath.SILENT


def test_silence_and_return_are_logged_once(
    watchdog: WatchdogListener, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    watchdog.heard()
    assert watchdog.state is AlertPath.ALIVE
    clock.seconds += SILENT_AFTER_SECONDS + 1
    watchdog.check()
    watchdog.check()
    watchdog.heard()
    watchdog.heard()
    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR", "INFO"]
