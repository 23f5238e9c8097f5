"""Where Alertmanager sends which alert, asked of amtool."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.monitoring import Rendered


def amtool(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["amtool", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def config(rendered: Rendered) -> dict[str, Any]:
    return yaml.safe_load(rendered.alertmanager.read_text())


def test_the_configuration_is_valid(rendered: Rendered) -> None:
    done = amtool("check-config", rendered.alertmanager)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("severity=critical", "critical-alerts"),
        ("severity=warning", "warning-alerts"),
        ("severity=info", "info-alerts"),
        ("severity=unheard-of", "default"),
        ("alertname=ServiceDown severity=critical team=platform job=gate", "critical-alerts"),
        ("alertname=EngineDown severity=critical scope=self", "platform-ops-direct"),
        ("alertname=MonitoringTargetDown severity=warning scope=self", "platform-ops-direct"),
        (
            "alertname=DatabaseConnectionPoolExhausted severity=critical scope=self database=state",
            "platform-ops-direct",
        ),
        ("alertname=Watchdog severity=info scope=self", "watchdog"),
    ],
)
def test_an_alert_reaches_its_receiver(rendered: Rendered, labels: str, receiver: str) -> None:
    arguments = ("config", "routes", "test", f"--config.file={rendered.alertmanager}")
    done = amtool(*arguments, f"--verify.receivers={receiver}", *labels.split())
    assert done.returncode == 0, done.stdout + done.stderr


def test_towards_the_engine_nothing_waits(config: dict[str, Any]) -> None:
    engine = {receiver["name"] for receiver in config["receivers"] if "webhook_configs" in receiver}
    waits = {
        route["receiver"]: route.get("group_wait", config["route"]["group_wait"])
        for route in [config["route"], *config["route"]["routes"]]
    }
    assert {waits[name] for name in engine} == {"0s"}
    assert waits["platform-ops-direct"] == "10s"


def test_the_engine_is_called_with_its_token_and_no_redirect_counts(config: dict[str, Any], rendered: Rendered) -> None:
    calls = [call for receiver in config["receivers"] for call in receiver.get("webhook_configs", [])]
    assert {call["url"].removeprefix(rendered.url("ENGINE_PORT")) for call in calls} == {
        "/alerts/v4",
        "/heartbeats/watchdog",
    }
    for call in calls:
        assert call["http_config"]["follow_redirects"] is False
        assert call["http_config"]["authorization"] == {
            "type": "Bearer",
            "credentials_file": str(rendered.token_file),
        }


def test_alerts_about_ourselves_do_not_go_through_the_engine(config: dict[str, Any]) -> None:
    direct = next(receiver for receiver in config["receivers"] if receiver["name"] == "platform-ops-direct")
    assert set(direct) == {"name", "email_configs"}


def test_the_syntax_is_the_current_one(config: dict[str, Any]) -> None:
    routes = [config["route"], *config["route"]["routes"]]
    assert not any({"match", "match_re"} & set(route) for route in routes)
    for rule in config["inhibit_rules"]:
        assert set(rule) == {"source_matchers", "target_matchers", "equal"}
