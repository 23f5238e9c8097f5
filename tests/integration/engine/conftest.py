"""A real engine process against a real PostgreSQL and a strict stand-in for Airflow."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from psycopg.types.json import Jsonb

from tests.support.databases import Database
from tests.support.fake_airflow import PASSWORD, USERNAME, FakeAirflow
from tests.support.ports import free_port
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, kw_only=True)
class RunningEngine:
    """An engine in a process of its own."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path
    token_file: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=15)

    def post(self, path: str, *, token: str | None = None) -> httpx.Response:
        bearer = self.token_file.read_text() if token is None else token
        return httpx.post(f"{self.url}{path}", json={}, headers={"Authorization": f"Bearer {bearer}"}, timeout=15)

    def answers(self) -> bool:
        assert self.process.poll() is None, f"the engine ended at once: {self.log.read_text()}"
        try:
            return self.get("/healthz").is_success
        except httpx.TransportError:
            return False

    def metric(self, name: str) -> float | None:
        lines = [line for line in self.get("/metrics").text.splitlines() if line.startswith(f"{name} ")]
        return float(lines[0].split()[-1]) if lines else None

    def end(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(with_signal)
        return self.process.wait(timeout=20)


StartEngine = Callable[..., RunningEngine]


@pytest.fixture
def airflow() -> Iterator[FakeAirflow]:
    with FakeAirflow().running() as fake:
        yield fake


@pytest.fixture
def start_engine(ops_db: Database, airflow: FakeAirflow, tmp_path: Path) -> Iterator[StartEngine]:
    """Start engines; keyword arguments are settings without their prefix. All are ended after the test."""
    started: list[RunningEngine] = []

    def start(*, wait: bool = True, **settings: object) -> RunningEngine:
        port = free_port()
        log = tmp_path / f"engine-{len(started)}.log"
        token_file = tmp_path / "engine-token"
        own = {
            "AIRFLOW_URL": airflow.url,
            "AIRFLOW_USERNAME": USERNAME,
            "AIRFLOW_PASSWORD": PASSWORD,
            "ALERT_TOKEN_FILE": token_file,
            "ENGINE_SWEEP_SECONDS": 0.2,
            "ENGINE_OBSERVE_SECONDS": 0.2,
        } | {name.upper(): value for name, value in settings.items()}
        environment = {
            **os.environ,
            **{f"PLATFORM_OPS_{name}": str(value) for name, value in own.items()},
            "ENGINE_PORT": str(port),
            "PYTHONPATH": str(ROOT),
            "AIRFLOW_CONN_OPS_DB": ops_db.airflow_uri("ops_engine"),
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "include.engine"], env=environment, stdout=output, stderr=output, cwd=tmp_path
            )
        engine = RunningEngine(process=process, port=port, log=log, token_file=token_file)
        started.append(engine)
        if wait:
            wait_until(engine.answers, what=f"the engine (log: {log})")
        return engine

    yield start
    for engine in started:
        if engine.process.poll() is None:
            engine.end(signal.SIGKILL)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Accepted requests, as the console leaves them."""

    database: Database

    def accept(self, request_id: str, *, notify: bool = True, status: str = "received", attempt: int = 1) -> str:
        """Commit a request and return the id that its run must get."""
        slug = "event_" + request_id.replace("-", "_")
        with self.database.connect() as conn:
            conn.execute(
                "INSERT INTO ops.event_requests (request_id, body, body_hash, source, requester, customer_email,"
                " event_name, starts_at, ends_at, expected_attendees, slug, status, attempt) VALUES (%s, %s, 'hash',"
                " 'api', 'user:requester1', 'customer@example.com', 'Event', now(), now() + interval '1 day', 80, %s,"
                " %s, %s)",
                (request_id, Jsonb(body_of(request_id)), slug, status, attempt),
            )
            if notify:
                conn.execute("SELECT pg_notify('ops_intake', %s)", (request_id,))
        return f"request__{request_id}__{attempt}"

    def is_listened_to(self) -> bool:
        query = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        with self.database.connect() as conn:
            return conn.execute(query).fetchone() is not None

    def row(self, request_id: str) -> dict[str, Any]:
        with self.database.connect() as conn:
            row = conn.execute("SELECT * FROM ops.event_requests WHERE request_id = %s", (request_id,)).fetchone()
        assert row is not None
        return row

    def run_of(self, request_id: str) -> str | None:
        return self.row(request_id)["dag_run_id"]

    def wait_for_run(self, request_id: str) -> str:
        return wait_until(lambda: self.run_of(request_id), what=f"a run for {request_id}") or ""


def body_of(request_id: str) -> dict[str, Any]:
    return {"request_id": request_id, "customer": {"name": "김하늘"}, "event": {"expected_attendees": 80}}


@pytest.fixture
def queue(ops_db: Database) -> Queue:
    return Queue(database=ops_db)
