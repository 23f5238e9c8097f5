"""A strict stand-in for Airflow's REST API: what Airflow 3.3.2 would refuse, it refuses in the same words."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from tests.support.ports import free_port

USERNAME = "engine"
PASSWORD = "password-of-the-engine"
DAG_ID = "event_provisioning"
RUN_ID = re.compile(r"[A-Za-z0-9_.~:+-]{1,250}")
RUN_FIELDS = {"dag_run_id", "logical_date", "conf"}
HEALTHY = {
    "metadatabase": {"status": "healthy"},
    "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": "2026-01-01T00:00:00+00:00"},
    "triggerer": {"status": "healthy", "latest_triggerer_heartbeat": "2026-01-01T00:00:00+00:00"},
    "dag_processor": {"status": "unhealthy", "latest_dag_processor_heartbeat": None},
}
Answer = tuple[int, dict[str, Any]]
UNAUTHORIZED: Answer = (401, {"detail": "Invalid JWT token"})


class FakeAirflow:
    """Keeps the runs that were started. Tests change its attributes to make it misbehave."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self.runs: dict[str, dict[str, Any]] = {}
        self.authors: dict[str, str] = {}  # run id -> who started it
        self.posts: Counter[str] = Counter()
        self.logins = 0
        self.tokens: set[str] = set()
        self.answers: dict[str, Answer] = {}  # run id -> what to answer instead of starting it
        self.every_answer: Answer | None = None
        self.hold = threading.Event()  # set: runs are started, but the answer is kept back
        self.held = threading.Event()
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        fake = self

        class Handler(_Handler):
            airflow = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self.released.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @contextmanager
    def running(self) -> Iterator[FakeAirflow]:
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def expire_tokens(self) -> None:
        self.tokens.clear()

    def log_in(self, body: dict[str, Any]) -> Answer:
        if body != {"username": USERNAME, "password": PASSWORD}:
            return 401, {"detail": "Invalid credentials"}
        with self._lock:
            self.logins += 1
            token = f"token-{self.logins}"
            self.tokens.add(token)
        return 201, {"access_token": token}

    def start_run(self, dag_id: str, body: dict[str, Any]) -> Answer:
        run_id = body.get("dag_run_id")
        with self._lock:
            self.posts[str(run_id)] += 1
        if self.every_answer:
            return self.every_answer
        if set(body) != RUN_FIELDS or body["logical_date"] is not None or not isinstance(body["conf"], dict):
            return 422, {"detail": [{"type": "extra_forbidden", "loc": ["body"], "msg": f"fields {sorted(body)}"}]}
        if dag_id != DAG_ID:
            return 404, {"detail": f"Dag with dag_id: '{dag_id}' not found"}
        if not RUN_ID.fullmatch(run_id):
            return 400, {"detail": f"The run_id provided '{run_id}' does not match regex pattern"}
        if run_id in self.answers:
            return self.answers[run_id]
        with self._lock:
            if run_id in self.runs:
                return 409, {"detail": {"reason": "Unique constraint violation", "statement": "hidden"}}
            self.runs[run_id] = body["conf"]
            self.authors[run_id] = USERNAME
        if self.hold.is_set():
            self.held.set()
            self.released.wait()
        return 200, {"dag_run_id": run_id, "state": "queued"}

    def start_run_of_another(self, run_id: str, conf: dict[str, Any], *, username: str) -> None:
        """Let somebody else start a run, under whatever id."""
        with self._lock:
            self.runs[run_id] = conf
            self.authors[run_id] = username

    def show_run(self, dag_id: str, run_id: str) -> Answer:
        with self._lock:
            if dag_id != DAG_ID or run_id not in self.runs:
                return 404, {"detail": f"The DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` was not found"}
            return 200, {
                "dag_run_id": run_id,
                "dag_id": dag_id,
                "state": "running",
                "triggering_user_name": self.authors[run_id],
                "conf": self.runs[run_id],
            }


class _Handler(BaseHTTPRequestHandler):
    airflow: FakeAirflow
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/api/v2/monitor/health":
            self._answer((200, HEALTHY))
        elif match := re.fullmatch(r"/api/v2/dags/([^/]+)/dagRuns/([^/]+)", self.path):
            self._answer(self.airflow.show_run(match[1], unquote(match[2])) if self._is_logged_in() else UNAUTHORIZED)
        else:
            self._answer((404, {"detail": "Not Found"}))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Type"] != "application/json":
            self._answer((422, {"detail": "send JSON"}))
            return
        self._answer(self._post(json.loads(raw)))

    def _post(self, body: dict[str, Any]) -> Answer:
        if self.path == "/auth/token":
            return self.airflow.log_in(body)
        match = re.fullmatch(r"/api/v2/dags/([^/]+)/dagRuns", self.path)
        if match is None:
            return 404, {"detail": "Not Found"}
        return self.airflow.start_run(match[1], body) if self._is_logged_in() else UNAUTHORIZED

    def _is_logged_in(self) -> bool:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and token in self.airflow.tokens

    def _answer(self, answer: Answer) -> None:
        status, body = answer
        content = json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the engine was killed meanwhile: that is what some tests are about

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""
