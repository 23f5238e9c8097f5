"""
### What it does
Destroys what is left of events whose grace is over: their archives, and the customer's name, address, number, notes and
comments in the request (Korean PIPA, art. 21). Times, sizes and ratings stay, because the figures need them and nobody
can be recognised by them. An event that was restored loses its old archive only. A request that never became an event
(rejected, expired, invalid, cancelled, rolled back) loses the same personal data a year after its end
(`PLATFORM_OPS_ENDED_REQUEST_RETENTION_DAYS`).

What it cannot reach: the history that Airflow itself keeps of the runs, until `airflow db clean`. What that is and how
it is removed: `docs/personal-data.md`.

### When
Every day at 03:30 in the configured zone. A run by hand only says what is overdue, unless it is given
`"dry_run": false`.

### What it changes
Archive folders below `PLATFORM_OPS_EVENT_ARCHIVE_DIR`, at most 200 events a run; the request's status becomes `purged`.
At most 200 requests that never became events; their status stays. This cannot be undone. Each is in the ledger.

### Example
```bash
airflow dags trigger event_purge    # says in the log of plan_purge what is overdue
```

### When it fails
The operators are told by mail and in their channel. `PurgeIncomplete` names each event that could not be purged, and
why; the others are done. Mend the cause (mostly rights on the archive folder) and clear the task: it goes on with what
is left. `is not below` in the message: a row of `ops.event_archives` points outside the archive folder; nothing is
touched there, find out who changed it.

### Owner
Platform Ops, `#ops-approvals`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import CronTriggerTimetable, Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from include.settings import get_settings
from platform_ops import decommissioning
from platform_ops.dag_defaults import default_args, tell_of_failed_run
from platform_ops.tags import Tag


@dag(
    schedule=CronTriggerTimetable("30 3 * * *", timezone=get_settings().timezone),
    doc_md=__doc__,
    default_args=default_args(),
    on_failure_callback=tell_of_failed_run,
    params={
        "dry_run": Param(
            None,
            type=["null", "boolean"],
            description="Only say what is overdue. Left empty: true for a run by hand, false for the daily one.",
        )
    },
    max_active_runs=1,
    catchup=False,
    tags=[Tag.EVENTS, Tag.DESTRUCTIVE, Tag.HOUSEKEEPING],
)
def event_purge() -> None:
    """Wire the run: plan, apply, verify."""

    @task
    def plan_purge() -> list[dict[str, Any]]:
        return decommissioning.purge(get_current_context(), dry_run=True)

    @task
    def apply_purge(planned: list[dict[str, Any]]) -> list[dict[str, Any]]:
        context = get_current_context()
        if not planned or decommissioning.is_dry_run(context):
            raise AirflowSkipException(f"nothing is purged: {len(planned)} overdue, see the log of plan_purge")
        return decommissioning.purge(context, dry_run=False)

    @task
    def verify_purged(planned: list[dict[str, Any]]) -> None:
        decommissioning.verify_purged(get_current_context(), planned)

    planned = plan_purge()
    apply_purge(planned) >> verify_purged(planned)


event_purge()
