"""Each inhibition shown on the real Alertmanager, with what it must not hide (amtool has no test for it)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.waiting import wait_until

Labels = dict[str, str]

SERVICE = {"cluster": "seoul", "service": "gates"}
CRITICAL = {"alertname": "DiskSpaceLow", "severity": "critical", **SERVICE, "instance": "a:1"}
WARNING = {**CRITICAL, "severity": "warning"}
DOWN = {"alertname": "ServiceDown", "severity": "critical", "job": "api", "instance": "a:1"}


# Posted last: when it is inhibited, Alertmanager has looked at everything before it.
BARRIER_SOURCE = {"alertname": "ServiceDown", "severity": "critical", "instance": "barrier:1"}
BARRIER = {"alertname": "HighLatency", "severity": "warning", "instance": "barrier:1"}


@dataclass(frozen=True, kw_only=True)
class Inhibitions:
    """Alerts of one test on the shared Alertmanager, told apart from those of the others."""

    alertmanager: str
    test: str

    def hides(self, source: Labels, target: Labels) -> bool:
        """Post both and say whether the target is inhibited by the source, and the source by nothing."""
        self._post(source, target, BARRIER_SOURCE, BARRIER)
        wait_until(lambda: self._find(BARRIER)["status"]["inhibitedBy"], what="Alertmanager to look at the alerts")
        first, second = self._find(source), self._find(target)
        assert first["status"]["inhibitedBy"] == []
        assert second["status"]["inhibitedBy"] in ([], [first["fingerprint"]])
        return second["status"]["state"] == "suppressed"

    def _post(self, *alerts: Labels) -> None:
        ends_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        body = [{"labels": self._own(labels), "endsAt": ends_at} for labels in alerts]
        httpx.post(f"{self.alertmanager}/api/v2/alerts", json=body).raise_for_status()

    def _find(self, labels: Labels) -> dict[str, Any]:
        answer = httpx.get(f"{self.alertmanager}/api/v2/alerts", params={"filter": f'test="{self.test}"'})
        return next(alert for alert in answer.json() if alert["labels"] == self._own(labels))

    def _own(self, labels: Labels) -> Labels:
        """Change the labels that inhibitions compare, so that no alert of another test is the same or equal."""
        compared = {name: f"{labels[name]}-{self.test}" for name in ("cluster", "instance") if name in labels}
        return {**labels, **compared, "test": self.test}


@pytest.fixture
def inhibitions(alertmanager: str, request: pytest.FixtureRequest) -> Inhibitions:
    return Inhibitions(alertmanager=alertmanager, test=request.node.name)


def test_critical_hides_the_warning_of_the_same_name(inhibitions: Inhibitions) -> None:
    assert inhibitions.hides(CRITICAL, WARNING)


@pytest.mark.parametrize(
    "other",
    [
        {"alertname": "HighMemoryUsage"},
        {"cluster": "busan"},
        {"service": "user-app"},
        {"severity": "info"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_critical_hides_no_other(inhibitions: Inhibitions, other: Labels) -> None:
    assert not inhibitions.hides(CRITICAL, WARNING | other)


@pytest.mark.parametrize(
    ("alertname", "severity"),
    [
        ("HighLatency", "warning"),
        ("HighErrorRate", "critical"),
        ("HighCPU", "warning"),
        ("HighCPUUsage", "warning"),
        ("HighLatency", "info"),
    ],
)
def test_a_service_that_is_down_hides_what_follows_from_it(
    inhibitions: Inhibitions, alertname: str, severity: str
) -> None:
    target = {"alertname": alertname, "severity": severity, "instance": "a:1", "job": "other"}
    assert inhibitions.hides(DOWN, target)


@pytest.mark.parametrize(
    "target",
    [
        {"alertname": "HighLatency", "severity": "warning", "instance": "b:1"},
        {"alertname": "HighLatency", "severity": "warning"},
        {"alertname": "HighMemoryUsage", "severity": "warning", "instance": "a:1"},
        {"alertname": "VeryHighLatency", "severity": "warning", "instance": "a:1"},
        {"alertname": "ServiceDown", "severity": "critical", "instance": "a:1", "job": "other"},
    ],
    ids=["other instance", "no instance", "other name", "name in the middle", "another one down"],
)
def test_a_service_that_is_down_hides_nothing_else(inhibitions: Inhibitions, target: Labels) -> None:
    assert not inhibitions.hides(DOWN, target)


def test_two_alerts_without_instance_are_not_of_the_same_one(inhibitions: Inhibitions) -> None:
    source = {"alertname": "ServiceDown", "severity": "critical", "job": "api"}
    assert not inhibitions.hides(source, {"alertname": "HighLatency", "severity": "warning"})
