"""How fast an event is provisioned, how many at once, and what the idle stack costs."""

from __future__ import annotations

import json
import random
import statistics
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
from rich.progress import Progress as Bar

from benchmarks.dags.benchmark_empty_chain import TASKS_IN_A_ROW
from benchmarks.fresh_clone import measure_fresh_clone
from benchmarks.report import Figure, publish
from demo.clients import AirflowUser, Console, checked
from demo.world import Addresses, look_at_event
from include.store import api_keys
from include.store.connection import connect
from stack.config import MARKER, ROOT, StackConfig
from stack.environment import HOST, postgres_uri
from stack.lifecycle import up
from stack.secrets import load_secrets, user_password_variable

ANCHOR_DAG = "benchmark_empty_chain"
SAMPLES = 11
PROMETHEUS_TICK_SECONDS = 5
AT_ONCE = 100
LIMIT_SECONDS = 1200
IDLE_SECONDS = 60
POLL_SECONDS = 0.25
FINAL = frozenset({"completed", "rejected", "expired", "invalid", "rolled_back", "rollback_failed"})


BUNDLES = [
    {
        "name": name,
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(ROOT / folder), "refresh_interval": 300},
    }
    for name, folder in (("dags-folder", "dags"), ("benchmarks", "benchmarks/dags"))
]


def main() -> int:
    """Measure on the local stack, with the anchor's DAG beside the project's; return 1 when a result is wrong."""
    with_anchor = StackConfig.load({"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(BUNDLES)})
    up(with_anchor)
    try:
        return _measure(with_anchor)
    finally:
        up(StackConfig.load())


def _measure(config: StackConfig) -> int:
    secrets = load_secrets(config)
    airflow = f"http://{HOST}:{config.ports.airflow_api}"
    admin = AirflowUser(base_url=airflow, username="admin", password=secrets[user_password_variable("admin")])
    console = _customer(config, secrets, airflow)
    addresses = Addresses(
        airflow=airflow,
        prometheus=f"http://{HOST}:{config.ports.prometheus}",
        sandbox=f"http://{HOST}:{config.ports.sandbox}",
        kubernetes_token=secrets["SANDBOX_KUBERNETES_TOKEN"],
    )

    with Bar() as bar:
        idle = bar.add_task("idle stack", total=1)
        pss, core = _idle(config)
        bar.advance(idle)
        one = bar.add_task("one after the other, with the anchor", total=SAMPLES)
        ours, anchor = [], []
        for _ in range(SAMPLES):
            # Prometheus hands new targets on every five seconds: without a random pause all samples would lock to that.
            time.sleep(random.uniform(0, PROMETHEUS_TICK_SECONDS))
            ours.append(_one_event(console))
            anchor.append(_one_chain(admin))
            bar.advance(one)
        many = bar.add_task(f"{AT_ONCE} at once", total=AT_ONCE)
        wrong, seconds = _at_once(console, addresses, lambda done: bar.update(many, completed=done))
        fresh = bar.add_task("fresh clone to demo finished, twice", total=1)
        first, second = measure_fresh_clone()
        bar.advance(fresh)

    p50, anchor_p50 = statistics.median(ours), statistics.median(anchor)
    publish(
        "provisioning",
        [
            Figure(
                what="small event, request to confirmed, p50",
                ours=p50,
                unit="s",
                anchor=anchor_p50,
                anchor_name=f"{TASKS_IN_A_ROW} empty tasks in a row",
                target="<= 15 s and <= 1.3 x",
            ),
            Figure(what="fresh clone to demo finished, packages downloaded", ours=first, unit="s", target="<= 300 s"),
            Figure(what="the same, stopped and started again", ours=second, unit="s", target="<= 90 s"),
            Figure(what=f"{AT_ONCE} requests at once, all ended", ours=seconds, unit="s", target="<= 600 s"),
            Figure(what=f"{AT_ONCE} requests at once, not right in the world", ours=wrong, unit="requests", target="0"),
            Figure(what="idle stack, memory (PSS)", ours=pss / 1e9, unit="GB", target="<= 2.0 GB"),
            Figure(what="idle stack, one core", ours=core * 100, unit="%", target="<= 25 %"),
        ],
    )
    return 1 if wrong else 0


def _customer(config: StackConfig, secrets: dict[str, str], airflow: str) -> Console:
    dsn = postgres_uri(config, secrets, cluster="state", user="ops_migrator", database="ops")
    with connect(dsn, application_name="benchmark", autocommit=True) as ops:
        issued = api_keys.issue(
            ops, customer_id="benchmark", name="Benchmark", email="benchmark@x.example", note="", actor="benchmark"
        )
    return Console(base_url=airflow, key=issued.key)


def _body() -> dict[str, Any]:
    tag = uuid.uuid4().hex[:12]
    opening = datetime.now(UTC) + timedelta(days=40)
    return {
        "request_id": f"bench-{tag}",
        "customer": {"name": "Bench", "email": f"{tag}@bench.example", "phone": "+821012345678", "language": "en"},
        "event": {
            "name": f"Benchmark {tag}",
            "venue": "Hall 1",
            "starts_at": opening.isoformat(),
            "ends_at": (opening + timedelta(hours=3)).isoformat(),
            "expected_attendees": 80,
            "gates": 1,
        },
    }


def _one_event(console: Console) -> float:
    body = _body()
    started = time.monotonic()
    checked(console.submit(body), 202)
    while console.status(body["request_id"])["status"] not in FINAL:
        time.sleep(POLL_SECONDS)
    return time.monotonic() - started


def _one_chain(admin: AirflowUser) -> float:
    started = time.monotonic()
    run_id = checked(admin.post(f"/dags/{ANCHOR_DAG}/dagRuns", json={"logical_date": None}), 200).json()["dag_run_id"]
    while admin.get(f"/dags/{ANCHOR_DAG}/dagRuns/{run_id}").json()["state"] not in ("success", "failed"):
        time.sleep(POLL_SECONDS)
    return time.monotonic() - started


def _at_once(console: Console, addresses: Addresses, advance: Callable[[int], None]) -> tuple[int, float]:
    """Return how many are not as they should be in the world, and the seconds until the last one ended."""
    bodies = {(body := _body())["request_id"]: body for _ in range(AT_ONCE)}
    started = time.monotonic()
    for body in bodies.values():
        checked(console.submit(body), 202)
    ended: dict[str, dict[str, Any]] = {}
    while len(ended) < AT_ONCE and time.monotonic() - started < LIMIT_SECONDS:
        for request_id in bodies.keys() - ended.keys():
            status = console.status(request_id)
            if status["status"] in FINAL:
                ended[request_id] = status
        advance(len(ended))
        time.sleep(1)
    seconds = time.monotonic() - started
    right = sum(
        status["status"] == "completed"
        and not any(found.fault for found in look_at_event(addresses, bodies[request_id], status))
        for request_id, status in ended.items()
    )
    return AT_ONCE - right, seconds


def _idle(config: StackConfig) -> tuple[int, float]:
    """Return bytes of PSS and the share of one core of all processes that carry the stack's marker."""
    processes = [process for process in psutil.process_iter() if _is_ours(process, str(config.local_dir))]
    before = {process.pid: _cpu_seconds(process) for process in processes}
    started = time.monotonic()
    time.sleep(IDLE_SECONDS)  # the measuring time itself
    elapsed = time.monotonic() - started
    used = sum(_cpu_seconds(process) - before[process.pid] for process in processes if process.is_running())
    pss = sum(process.memory_full_info().pss for process in processes if process.is_running())
    return pss, used / elapsed


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _is_ours(process: psutil.Process, local_dir: str) -> bool:
    try:
        return process.environ().get(MARKER) == local_dir
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False
