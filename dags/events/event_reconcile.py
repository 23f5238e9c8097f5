"""
### What it does
Finishes what a dead provisioning run left: a request that is neither done nor ended, and whose run is over (marked
failed by hand, deleted, or out of retries), is rolled back here. A customer whose request became invalid and who was
not told, because Airflow refused it or the mail failed, is told here; so are those who were not told of a rollback,
for a day.

### When
Every five minutes. Runs that still work or wait, for a retry or for a person, are left alone.

### What it changes
The same as `roll_back` of `event_provisioning`: everything of the abandoned event is taken away, the customer and the
operators are told once. Of an invalid request nothing was made; only its customer is told.

### Example
Nothing to ask for; to have it at once: `airflow dags trigger event_reconcile`.

### When it fails
`RollbackIncomplete` names what could not be taken away and why. Mend that system; the next run goes on. Nothing else
of the event is touched twice: the undo looks at the world first.

### Owner
Platform Ops, `#ops-approvals`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, get_current_context, task

from platform_ops import reconcile
from platform_ops.dag_defaults import default_args
from platform_ops.operators.events import EventRollbackOperator
from platform_ops.tags import Tag


@dag(
    schedule="*/5 * * * *",
    doc_md=__doc__,
    default_args=default_args(),
    max_active_runs=1,
    catchup=False,
    tags=[Tag.EVENTS, Tag.HOUSEKEEPING],
)
def event_reconcile() -> None:
    """Wire the run: find, then undo each."""

    @task
    def find_abandoned() -> list[dict[str, Any]]:
        return reconcile.find_abandoned(get_current_context())

    EventRollbackOperator.partial(task_id="roll_back_abandoned").expand_kwargs(find_abandoned())


event_reconcile()
