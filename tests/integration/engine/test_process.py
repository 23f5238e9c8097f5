"""The engine as a process: start, health, metrics, restart of the database, end."""

import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

from include.store import ledger, ledger_checks
from tests.integration.engine.conftest import ROOT, Queue, StartEngine
from tests.support.databases import Database
from tests.support.waiting import wait_until


def test_health_says_what_is_up(start_engine: StartEngine) -> None:
    engine = start_engine()
    wait_until(lambda: engine.get("/healthz").json()["airflow"], what="Airflow's health")
    health = engine.get("/healthz").json()
    assert health["status"] == "ok"
    assert health["database"] == "up"
    assert health["version"]
    assert health["uptime_seconds"] >= 0
    assert health["alert_path"] == "not heard yet"
    assert health["airflow"] == {
        "api_server": "up",
        "metadatabase": "up",
        "scheduler": "up",
        "triggerer": "up",
        "dag_processor": "down",
    }


def test_metrics_count_requests_and_the_ledger(start_engine: StartEngine, queue: Queue) -> None:
    queue.accept("one", status="completed")
    queue.accept("two", status="completed")
    with queue.database.connect("ops_tasks") as conn:
        conn.execute("SELECT ops.append_ledger_entry('user:a', 'test', 'event:one', '', NULL, NULL)")
    engine = start_engine()
    wait_until(lambda: engine.metric('ops_event_requests{status="completed"}') == 2, what="the count")
    assert engine.metric('ops_event_requests{status="rollback_failed"}') == 0
    assert engine.metric("engine_database_up") == 1
    assert engine.metric("ops_intake_oldest_waiting_seconds") == 0
    assert engine.metric("ops_ledger_entries") == 1
    assert (engine.metric("ops_ledger_unanchored_seconds") or 0) > 0
    assert engine.metric('airflow_component_up{component="scheduler"}') == 1
    assert engine.metric('airflow_component_up{component="dag_processor"}') == 0


def test_metrics_say_what_the_last_check_of_the_ledger_found(start_engine: StartEngine, queue: Queue) -> None:
    engine = start_engine()
    wait_until(lambda: engine.metric("ops_ledger_entries") == 0, what="a look at the empty ledger")
    assert engine.metric("ops_ledger_unverified_seconds") == 0
    assert engine.metric("ops_ledger_tampered") == 0
    with queue.database.connect("ops_tasks") as conn:
        conn.execute("SELECT ops.append_ledger_entry('user:a', 'test', 'event:one', '', NULL, NULL)")
    wait_until(lambda: (engine.metric("ops_ledger_unverified_seconds") or 0) > 0, what="the age of the first entry")
    with queue.database.connect("ops_tasks") as conn:
        ledger_checks.record_tampered(conn, "entry 1 was changed")
    wait_until(lambda: engine.metric("ops_ledger_tampered") == 1, what="the finding")
    with queue.database.connect("ops_tasks") as conn:
        ledger_checks.record_verified(conn, ledger.verify(conn, ()))
    wait_until(lambda: engine.metric("ops_ledger_tampered") == 0, what="the end of it")


def test_waiting_requests_are_seen(start_engine: StartEngine, queue: Queue) -> None:
    engine = start_engine(airflow_password="wrong")
    queue.accept("waiting")
    wait_until(lambda: engine.metric("ops_intake_waiting_requests") == 1, what="the count")
    wait_until(lambda: (engine.metric("ops_intake_oldest_waiting_seconds") or 0) > 0, what="its age")


def test_airflow_down_is_said_and_the_unknown_left_out(start_engine: StartEngine) -> None:
    engine = start_engine(airflow_url="http://127.0.0.1:1")
    wait_until(lambda: engine.metric('airflow_component_up{component="api_server"}') == 0, what="the metric")
    assert engine.metric('airflow_component_up{component="scheduler"}') is None


def test_the_database_may_restart(start_engine: StartEngine, queue: Queue, ops_db: Database) -> None:
    engine = start_engine()
    ops_db.cluster.stop()
    try:
        assert engine.get("/healthz").status_code == 503
        wait_until(lambda: engine.metric("engine_database_up") == 0, what="the metric")
    finally:
        ops_db.cluster.restart()
    wait_until(engine.answers, what="the engine to be back")
    queue.accept("after-restart")
    queue.wait_for_run("after-restart")
    wait_until(lambda: engine.metric("engine_database_up") == 1, what="the metric")


def test_alerts_are_refused_so_that_none_is_lost(start_engine: StartEngine) -> None:
    engine = start_engine()
    answer = engine.post("/alerts/v4")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert engine.metric("alerting_handovers_refused_total") == 1
    assert engine.post("/alerts/v4", token="wrong").status_code == 401
    assert engine.post("/heartbeats/watchdog", token="wrong").status_code == 401


def test_the_heartbeat_of_the_alert_path_is_heard(start_engine: StartEngine) -> None:
    engine = start_engine()
    before = time.time()
    assert engine.post("/heartbeats/watchdog").status_code == 204
    assert (engine.metric("alerting_watchdog_last_seen_timestamp_seconds") or 0) >= before - 1
    assert engine.get("/healthz").json()["alert_path"] == "alive"


def test_the_token_is_drawn_once_and_private(start_engine: StartEngine) -> None:
    first = start_engine()
    token = first.token_file.read_text()
    assert len(token) >= 43
    assert stat.S_IMODE(first.token_file.stat().st_mode) == 0o600
    second = start_engine()
    assert second.post("/heartbeats/watchdog", token=token).status_code == 204


def test_it_ends_cleanly(start_engine: StartEngine) -> None:
    engine = start_engine()
    assert engine.end() == 0
    assert "Traceback" not in engine.log.read_text()


def test_a_taken_port_is_named(ops_db: Database, tmp_path: Path) -> None:
    connection = ops_db.airflow_uri("ops_engine")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = _run_engine(tmp_path, ENGINE_PORT=port, AIRFLOW_CONN_OPS_DB=connection)
    assert done.returncode == 1
    assert done.stderr.startswith(f"engine: port {port} on 127.0.0.1: Address already in use")
    assert done.stderr.count("\n") == 1


def test_a_missing_connection_is_named(tmp_path: Path) -> None:
    done = _run_engine(tmp_path, AIRFLOW_CONN_OPS_DB="")
    assert done.returncode == 1
    assert "AIRFLOW_CONN_OPS_DB" in done.stderr
    assert "Traceback" not in done.stderr


def _run_engine(directory: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    token_file = str(directory / "engine-token")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PLATFORM_OPS_ALERT_TOKEN_FILE": token_file, **environment}
    return subprocess.run(
        [sys.executable, "-m", "include.engine"], env=env, capture_output=True, text=True, timeout=30, check=False
    )
