"""Look every few seconds at Airflow, at the request queue and at the ledger, and keep the metrics up to date."""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

import psycopg

from include.engine.airflow_api import AirflowApi
from include.engine.database import Pool
from include.engine.metrics import EngineMetrics
from include.engine.watchdog import WatchdogListener

log = logging.getLogger(__name__)

# All of them, so that a status that no request is in is a 0 and not a metric that is missing.
STATUSES = (
    *("received", "planned", "awaiting_approval", "approved", "configuring", "completed"),
    *("invalid", "rejected", "expired", "cancelled", "rolling_back", "rolled_back", "rollback_failed"),
    *("decommissioning", "decommissioned", "restored", "purged"),
)

_COUNT_BY_STATUS = "SELECT status, count(*) AS requests FROM ops.event_requests GROUP BY status"
# updated_at: a request that is taken up again waits since then, not since it first came.
_WAITING = """
SELECT count(*) AS requests, coalesce(extract(epoch FROM now() - min(updated_at)), 0)::float8 AS oldest_seconds
FROM ops.event_requests WHERE status = 'received' AND dag_run_id IS NULL
"""
_LEDGER = """
SELECT coalesce((SELECT max(entry_id) FROM ops.ledger), 0) AS entries,
    coalesce((
        SELECT extract(epoch FROM now() - at)::float8 FROM ops.ledger
        WHERE entry_id > coalesce((SELECT max(head_entry_id) FROM ops.ledger_anchors), 0)
        ORDER BY entry_id LIMIT 1
    ), 0) AS unanchored_seconds,
    -- Before the first check the first entry counts: a check that never runs must be noticed too.
    coalesce((
        SELECT extract(epoch FROM now() - at)::float8 FROM ops.ledger
        WHERE action IN ('ledger.verified', 'ledger.tampered') AND action = 'ledger.verified'
        ORDER BY entry_id DESC LIMIT 1
    ), (SELECT extract(epoch FROM now() - at)::float8 FROM ops.ledger ORDER BY entry_id LIMIT 1), 0)
        AS unverified_seconds,
    coalesce((
        SELECT action = 'ledger.tampered' FROM ops.ledger
        WHERE action IN ('ledger.verified', 'ledger.tampered') ORDER BY entry_id DESC LIMIT 1
    ), false) AS tampered
"""


class Observer:
    """Fills the gauges. What could not be asked is removed or said to be down, never left at its old value."""

    def __init__(
        self,
        *,
        pool: Pool,
        airflow: AirflowApi,
        watchdog: WatchdogListener,
        metrics: EngineMetrics,
        every_seconds: float,
    ) -> None:
        self._pool = pool
        self._airflow = airflow
        self._watchdog = watchdog
        self._metrics = metrics
        self._every_seconds = every_seconds
        self.airflow_up: dict[str, bool] = {}

    async def run_forever(self) -> NoReturn:
        """Look again and again."""
        while True:
            await asyncio.gather(self.observe_database(), self.observe_airflow())
            self._watchdog.check()
            await asyncio.sleep(self._every_seconds)

    async def observe_airflow(self) -> None:
        """Ask Airflow how its components are, and log each change."""
        up = dict((await self._airflow.health()).up)
        if up != self.airflow_up:
            log.info("Airflow: %s", ", ".join(f"{name} {'up' if is_up else 'down'}" for name, is_up in up.items()))
        self.airflow_up = up
        self._metrics.airflow_component_up.clear()
        for component, is_up in up.items():
            self._metrics.airflow_component_up.labels(component=component).set(is_up)

    async def observe_database(self) -> None:
        """Count what waits and what is not anchored."""
        try:
            await self._count()
        except psycopg.Error as error:
            log.warning("The ops database cannot be looked at: %s", error)
            self._metrics.database_up.set(0)
        else:
            self._metrics.database_up.set(1)

    async def _count(self) -> None:
        async with self._pool.connection() as conn, conn.cursor() as cursor:
            by_status = {row["status"]: row["requests"] async for row in await cursor.execute(_COUNT_BY_STATUS)}
            waiting = await (await cursor.execute(_WAITING)).fetchone() or {}
            ledger = await (await cursor.execute(_LEDGER)).fetchone() or {}
        for status in STATUSES:
            self._metrics.event_requests.labels(status=status).set(by_status.get(status, 0))
        self._metrics.intake_waiting.set(waiting["requests"])
        self._metrics.intake_oldest_seconds.set(waiting["oldest_seconds"])
        self._metrics.ledger_entries.set(ledger["entries"])
        self._metrics.ledger_unanchored_seconds.set(ledger["unanchored_seconds"])
        self._metrics.ledger_unverified_seconds.set(ledger["unverified_seconds"])
        self._metrics.ledger_tampered.set(ledger["tampered"])
