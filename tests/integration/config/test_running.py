"""The whole configuration at work: the real servers, exporters and processes on free ports, as the stack runs them."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from include.store.bootstrap import OPS_LOGINS, OWNER
from stack.clusters import SUPERUSER
from tests.support.databases import Database, copy_database, drop_database
from tests.support.fake_airflow import PASSWORD, USERNAME, FakeAirflow
from tests.support.monitoring import (
    ROOT,
    RULE_FILES,
    Rendered,
    background,
    running_alertmanager,
    running_prometheus,
)
from tests.support.postgres import PostgresCluster
from tests.support.promql import selectors
from tests.support.waiting import wait_until

SERVICE_TOKEN = "service-token-of-the-platform"
JOBS = {"prometheus", "alertmanager", "engine", "node", "postgres", "platform-api", "sandbox"}


class Monitoring:
    """The running servers, asked over HTTP."""

    def __init__(self, rendered: Rendered) -> None:
        self.rendered = rendered

    def api(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(f"{self.rendered.url('PROMETHEUS_PORT')}/api/v1/{path}", params=parameters, timeout=15)
        return answer.raise_for_status().json()["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        return self.api("query", query=expression)["result"]

    def targets(self) -> list[dict[str, Any]]:
        return self.api("targets", state="active")["activeTargets"]

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self.api("rules")["groups"] for rule in group["rules"]]

    def reload(self) -> None:
        httpx.post(f"{self.rendered.url('PROMETHEUS_PORT')}/-/reload", timeout=15).raise_for_status()


@pytest.fixture(scope="module")
def ops_database(state_cluster: PostgresCluster, ops_template: str) -> Iterator[Database]:
    database = copy_database(state_cluster, template=ops_template, name="ops_monitored", owner=OWNER, logins=OPS_LOGINS)
    yield database
    drop_database(database)


@pytest.fixture(scope="module")
def platform_database(platform_cluster: PostgresCluster, platform_template: str) -> Iterator[Database]:
    database = copy_database(
        platform_cluster,
        template=platform_template,
        name="platform_monitored",
        owner=SUPERUSER,
        logins=("platform_api",),
    )
    yield database
    drop_database(database)


@pytest.fixture(scope="module")
def monitoring(rendered: Rendered, ops_database: Database, platform_database: Database) -> Iterator[Monitoring]:
    _scrape_more_often(rendered.prometheus)
    with ExitStack() as servers:
        airflow = servers.enter_context(FakeAirflow().running())
        start = servers.enter_context
        start(_postgres_exporter(rendered, "PG_EXPORTER_STATE_PORT", ops_database))
        start(_postgres_exporter(rendered, "PG_EXPORTER_PLATFORM_PORT", platform_database))
        start(_node_exporter(rendered))
        start(_sandbox(rendered, platform_database))
        start(_engine(rendered, ops_database, airflow))
        start(running_alertmanager(rendered))
        start(running_prometheus(rendered))
        yield Monitoring(rendered)


def test_every_target_answers(monitoring: Monitoring) -> None:
    def jobs_that_are_up() -> set[str]:
        targets = monitoring.targets()
        down = {target["labels"]["job"] for target in targets if target["health"] != "up"}
        return {target["labels"]["job"] for target in targets} - down

    wait_until(lambda: jobs_that_are_up() == JOBS, what="all targets to be up")
    assert all(target["labels"]["service"] for target in monitoring.targets())


def test_every_series_that_a_rule_reads_exists(monitoring: Monitoring) -> None:
    _use_the_platform(monitoring.rendered)
    expressions = [
        rule["expr"]
        for file in RULE_FILES
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    ]
    wanted = {selector for expression in expressions for selector in selectors(expression)}
    assert len(wanted) > 20

    def missing() -> list[str]:
        return sorted(selector for selector in wanted if not monitoring.query(selector))

    wait_until(lambda: not missing() or None, seconds=60, what=f"series for {missing()}")


def test_every_rule_can_be_evaluated(monitoring: Monitoring) -> None:
    wait_until(lambda: all(rule["health"] != "unknown" for rule in monitoring.rules()), what="a first evaluation")
    assert {rule["name"]: rule.get("lastError") for rule in monitoring.rules() if rule["health"] != "ok"} == {}


def test_the_heartbeat_goes_from_rule_to_engine(monitoring: Monitoring) -> None:
    def alert_path() -> str:
        return httpx.get(f"{monitoring.rendered.url('ENGINE_PORT')}/healthz", timeout=15).json()["alert_path"]

    wait_until(lambda: alert_path() == "alive", what="the heartbeat")


def test_an_event_is_scraped_at_its_own_path(monitoring: Monitoring) -> None:
    address = monitoring.rendered.url("SANDBOX_PORT").removeprefix("http://")
    file = monitoring.rendered.events_dir / "targets" / "event_autumn.json"
    labels = {"__metrics_path__": "/platform/metrics", "event": "autumn", "service": "event-api"}
    file.write_text(json.dumps([{"targets": [address], "labels": labels}]))

    def event() -> dict[str, Any] | None:
        return next((target for target in monitoring.targets() if target["labels"]["job"] == "events"), None)

    found = wait_until(event, what="the event's target")
    assert found["scrapeUrl"] == f"http://{address}/platform/metrics"
    # Not the platform's own: ServiceDown of one event must not hide alerts for the whole platform.
    assert found["labels"]["instance"] == f"{address}/platform/metrics"
    wait_until(lambda: monitoring.query('up{job="events", event="autumn"} == 1'), what="a scrape")
    file.unlink()
    wait_until(lambda: event() is None, what="the target to go")


def test_an_events_rules_are_taken_up(monitoring: Monitoring) -> None:
    rule = {"alert": "AutumnIsOver", "expr": "vector(0) > 1", "labels": {"severity": "info"}}
    file = monitoring.rendered.events_dir / "rules" / "event_autumn.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "event_autumn", "rules": [rule]}]}))
    monitoring.reload()
    assert "AutumnIsOver" in {rule["name"] for rule in monitoring.rules()}
    file.unlink()
    monitoring.reload()
    assert "AutumnIsOver" not in {rule["name"] for rule in monitoring.rules()}


def test_a_database_that_is_down_is_seen(monitoring: Monitoring, platform_cluster: PostgresCluster) -> None:
    wait_until(lambda: monitoring.query('pg_up{database="platform"} == 1'), what="the database to be up")
    platform_cluster.stop()
    try:
        wait_until(lambda: monitoring.query('pg_up{database="platform"} == 0'), what="the loss to be seen")
    finally:
        platform_cluster.restart()
    wait_until(lambda: monitoring.query('pg_up{database="platform"} == 1'), what="the return to be seen")


def _scrape_more_often(prometheus: Path) -> None:
    """Sample more often than in production, so that the tests need not wait; nothing else is changed.

    Not every second: the exporter takes one to say that its database is down.
    """
    text = prometheus.read_text()
    for name, value in (("scrape_interval", "2s"), ("scrape_timeout", "2s"), ("evaluation_interval", "1s")):
        assert text.count(f"  {name}: ") == 1
        start = text.index(f"  {name}: ")
        end = text.index("\n", start)
        text = f"{text[:start]}  {name}: {value}{text[end:]}"
    prometheus.write_text(text)


def _use_the_platform(rendered: Rendered) -> None:
    """Make the platform answer one request, and fail another."""
    sandbox = rendered.url("SANDBOX_PORT")
    httpx.get(f"{sandbox}/platform/v1/endpoints/none", timeout=15)
    fault = {"service": "platform", "status": 503, "times": 1}
    httpx.post(f"{sandbox}/_sandbox/faults", json=fault, timeout=15).raise_for_status()
    assert httpx.get(f"{sandbox}/platform/v1/endpoints/none", timeout=15).status_code == 503


def _postgres_exporter(rendered: Rendered, port_name: str, database: Database) -> Any:
    address = rendered.url(port_name)
    return background(
        ("prometheus-postgres-exporter", f"--web.listen-address={address.removeprefix('http://')}"),
        log=rendered.directory / f"{port_name}.log",
        ready=f"{address}/metrics",
        environment={**os.environ, "DATA_SOURCE_NAME": f"{database.cluster.dsn(database.name)}?sslmode=disable"},
    )


def _node_exporter(rendered: Rendered) -> Any:
    address = rendered.url("NODE_EXPORTER_PORT")
    return background(
        ("prometheus-node-exporter", f"--web.listen-address={address.removeprefix('http://')}"),
        log=rendered.directory / "node.log",
        ready=f"{address}/metrics",
    )


def _sandbox(rendered: Rendered, platform: Database) -> Any:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SANDBOX_PORT": str(rendered.ports["SANDBOX_PORT"]),
        "SANDBOX_SMTP_PORT": str(rendered.ports["SANDBOX_SMTP_PORT"]),
        "SANDBOX_STATE_DIR": str(rendered.directory / "sandbox"),
        "SANDBOX_PLATFORM_TOKEN": SERVICE_TOKEN,
        "PLATFORM_API_DSN": platform.dsn("platform_api"),
    }
    return background(
        (sys.executable, "-m", "sandbox"),
        log=rendered.directory / "sandbox.log",
        ready=f"{rendered.url('SANDBOX_PORT')}/healthz",
        environment=environment,
    )


def _engine(rendered: Rendered, ops: Database, airflow: FakeAirflow) -> Any:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ENGINE_PORT": str(rendered.ports["ENGINE_PORT"]),
        "PLATFORM_OPS_AIRFLOW_URL": airflow.url,
        "PLATFORM_OPS_AIRFLOW_USERNAME": USERNAME,
        "PLATFORM_OPS_AIRFLOW_PASSWORD": PASSWORD,
        "PLATFORM_OPS_ALERT_TOKEN_FILE": str(rendered.token_file),
        "AIRFLOW_CONN_OPS_DB": ops.airflow_uri("ops_engine"),
    }
    return background(
        (sys.executable, "-m", "include.engine"),
        log=rendered.directory / "engine.log",
        ready=f"{rendered.url('ENGINE_PORT')}/healthz",
        environment=environment,
    )
