"""A task in a process of its own, to be killed: `python -m tests.support.event_worker '<json>'`."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from include.events import provision, rollback
from include.events.world import World
from sandbox.testing import Credentials
from tests.support.databases import Database
from tests.support.events import Approved, Outside, world_of

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to do and where; `steps` is empty for a rollback."""

    request_id: str
    attempt: int
    plan_hash: str
    steps: Sequence[str]
    ops_dsn: str
    platform_dsn: str
    sandbox_url: str
    smtp_port: int
    credentials: dict[str, str]
    prometheus_url: str
    events_dir: str
    promtool: str


@contextmanager
def working(
    approved: Approved, ops: Database, outside: Outside, *, steps: Sequence[str] = (), promtool: str = "promtool"
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run steps of a request, or its rollback, in another process; it is killed (kill -9) at the end."""
    job = Job(
        request_id=approved.request_id,
        attempt=approved.attempt,
        plan_hash=approved.plan_hash,
        steps=list(steps),
        ops_dsn=ops.dsn("ops_tasks"),
        platform_dsn=outside.platform.dsn("ops_provisioner"),
        sandbox_url=outside.sandbox.url,
        smtp_port=outside.sandbox.smtp_port,
        credentials=asdict(outside.sandbox.credentials),
        prometheus_url=outside.prometheus_url,
        events_dir=str(outside.events_dir),
        promtool=promtool,
    )
    command = [sys.executable, "-m", "tests.support.event_worker", json.dumps(asdict(job))]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=30)


def run(job: Job, world: World) -> None:
    """Do the job."""
    for name in job.steps:
        provision.apply_step(name, world, request_id=job.request_id, attempt=job.attempt, plan_hash=job.plan_hash)
    if not job.steps:
        rollback.undo_event(world, request_id=job.request_id, attempt=job.attempt, reason="test")


def main(text: str) -> None:
    job = Job(**json.loads(text))
    with world_of(
        ops_dsn=job.ops_dsn,
        platform_dsn=job.platform_dsn,
        sandbox_url=job.sandbox_url,
        smtp_port=job.smtp_port,
        credentials=Credentials(**job.credentials),
        prometheus_url=job.prometheus_url,
        events_dir=Path(job.events_dir),
    ) as world:
        run(job, replace(world, promtool=job.promtool))


if __name__ == "__main__":
    main(sys.argv[1])
