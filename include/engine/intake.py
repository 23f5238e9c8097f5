"""Every accepted request gets its run: none is lost, none gets two.

The row is committed before anybody speaks to Airflow. The run's id follows from the row, so a sweep that died between
starting the run and writing it down is repeated, and Airflow answers 409: the run is there. Who may start runs may
have taken that id for a run of another kind; it does nothing (`platform_ops.provisioning` refuses it), and the request
gets the next id.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

import psycopg

from include.clients.errors import ClientError, RetryableError
from include.engine.airflow_api import AirflowApi, StartedRun
from include.engine.database import AsyncConnection, Pool
from include.engine.errors import RunFailed, RunRefused
from include.engine.metrics import EngineMetrics
from include.engine.refusal import close_refused
from include.events.run_ids import run_id_for

log = logging.getLogger(__name__)

DAG_ID = "event_provisioning"
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
# A request over which Airflow stumbles must not hold up the others; when so many do, it is Airflow.
MOST_FAILURES_IN_A_SWEEP = 3
# Somebody who took as many ids of one request is at work against it: people must look.
MOST_RUN_IDS = 20

# NO KEY: tasks of the new run insert rows that refer to the request, and must not wait for our commit to do so.
_TAKE_NEXT = """
SELECT request_id, attempt, body FROM ops.event_requests
WHERE status = 'received' AND dag_run_id IS NULL AND request_id <> ALL (%s)
ORDER BY received_at, request_id
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED
"""


class Outcome(StrEnum):
    """What became of one waiting request."""

    STARTED = "started"
    EXISTED = "existed"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class WaitingRequest:
    """An accepted request that no run works for yet."""

    request_id: str
    attempt: int
    body: Mapping[str, Any]


class IntakeSweep:
    """Starts runs for waiting requests. Any number may sweep at once: each takes rows that no other one holds."""

    def __init__(
        self, *, pool: Pool, airflow: AirflowApi, conninfo: str, metrics: EngineMetrics, every_seconds: float
    ) -> None:
        self._pool = pool
        self._airflow = airflow
        self._conninfo = conninfo
        self._metrics = metrics
        self._every_seconds = every_seconds
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Sweep now rather than at the next turn."""
        self._woken.set()

    async def run_forever(self) -> NoReturn:
        """Sweep when woken and every few seconds; pause longer and longer while Airflow or the database is away."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._woken.clear()
            try:
                await self.sweep()
            except (ClientError, RunFailed, psycopg.Error) as error:
                wait = max(pause, _asked_to_wait(error))
                log.warning("No runs are started for %.0f s: %s", wait, error)
                await asyncio.sleep(wait)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                pause = FIRST_PAUSE_SECONDS
                await self._wait_for_turn()

    async def sweep(self) -> Counter[Outcome]:
        """Start a run for every waiting request and return how many came to which end.

        Raises ClientError when Airflow starts nothing now, RunFailed when it stumbles over several requests.
        """
        outcomes: Counter[Outcome] = Counter()
        failed: list[str] = []
        while (outcome := await self._start_next(failed)) is not None:
            outcomes[outcome] += 1
            self._metrics.intake_runs.labels(outcome=outcome).inc()
        return outcomes

    async def _start_next(self, failed: list[str]) -> Outcome | None:
        """Take one request, oldest first, leaving out those in `failed`; None when there is none."""
        async with self._pool.connection() as conn, conn.transaction():
            request = await _take_next(conn, leaving_out=failed)
            if request is None:
                return None
            try:
                return await self._start(conn, request)
            except RunFailed as failure:
                _leave_out(request, failure, failed)
                return Outcome.FAILED
            except RunRefused as refused:
                refusal = str(refused)
        # The row is free again; who closes it looks once more whether it still waits.
        log.warning("Airflow refuses request %s: %s", request.request_id, refusal)
        await asyncio.to_thread(
            close_refused,
            self._conninfo,
            request_id=request.request_id,
            attempt=request.attempt,
            message=refusal,
        )
        return Outcome.REFUSED

    async def _start(self, conn: AsyncConnection, request: WaitingRequest) -> Outcome:
        for choice in range(1, MOST_RUN_IDS + 1):
            run_id = run_id_for(request.request_id, request.attempt, choice=choice)
            started = await self._airflow.start_run(dag_id=DAG_ID, run_id=run_id, conf=request.body)
            if started is not StartedRun.FOREIGN:
                break
            log.error("Run %s is not of the engine: somebody took its id. Request %s", run_id, request.request_id)
        else:
            raise RunFailed(f"{MOST_RUN_IDS} ids of runs for request {request.request_id} are taken by others")
        await conn.execute(
            "UPDATE ops.event_requests SET dag_run_id = %s WHERE request_id = %s", (run_id, request.request_id)
        )
        log.info("Run %s %s", run_id, "started" if started is StartedRun.NEW else "was there already")
        return Outcome.STARTED if started is StartedRun.NEW else Outcome.EXISTED

    async def _wait_for_turn(self) -> None:
        try:
            async with asyncio.timeout(self._every_seconds):
                await self._woken.wait()
        except TimeoutError:
            return


async def _take_next(conn: AsyncConnection, *, leaving_out: list[str]) -> WaitingRequest | None:
    row = await (await conn.execute(_TAKE_NEXT, (leaving_out,))).fetchone()
    return WaitingRequest(**row) if row else None


def _leave_out(request: WaitingRequest, failure: RunFailed, failed: list[str]) -> None:
    """Leave the request out for the rest of this sweep; raise the failure when it is one too many."""
    if len(failed) + 1 >= MOST_FAILURES_IN_A_SWEEP:
        raise failure
    log.warning("Request %s is left for the next sweep: %s", request.request_id, failure)
    failed.append(request.request_id)


def _asked_to_wait(error: Exception) -> float:
    """Return for how many seconds the service asked us to stay away, capped at our own longest pause."""
    asked = error.retry_after if isinstance(error, RetryableError) else None
    return min(asked or 0.0, LONGEST_PAUSE_SECONDS)
