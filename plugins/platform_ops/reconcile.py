"""Find requests that nobody works for any more, so that they are brought to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from platform_ops.hooks.postgres import database

if TYPE_CHECKING:
    from airflow.sdk import Context

PROVISIONING_DAG = "event_provisioning"
# Shorter than this, a retry of the run's own `roll_back` is still to be expected (two minutes at most between tries).
IDLE_SECONDS = 180
AT_WORK = ["queued", "running"]


def find_abandoned(context: Context) -> list[dict[str, Any]]:
    """Return what `EventRollbackOperator` needs for each request whose run is over without having brought it to an end.

    A run that still works, or waits for its retries or for a person, is left alone, however long it takes. A request
    that became invalid or was rolled back is among them while those who have to know were not told.
    """
    from include.events import decision_notice, rollback

    with database() as ops:
        rows = [
            *rollback.needing_undo(ops, idle_seconds=IDLE_SECONDS),
            *decision_notice.invalid_untold(ops, idle_seconds=IDLE_SECONDS),
            *rollback.rolled_back_untold(ops, idle_seconds=IDLE_SECONDS),
        ]
    return [
        {"request_id": row["request_id"], "attempt": str(row["attempt"]), "reason": f"its run is over: {row['status']}"}
        for row in rows
        if not row["dag_run_id"] or not _is_at_work(context, row["dag_run_id"])
    ]


def _is_at_work(context: Context, run_id: str) -> bool:
    """Return whether the run goes on; a run that was deleted does not."""
    return context["ti"].get_dr_count(dag_id=PROVISIONING_DAG, run_ids=[run_id], states=AT_WORK) > 0
