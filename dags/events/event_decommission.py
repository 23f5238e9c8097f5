"""
### What it does
Takes a live event down: shows what that means, has it approved by somebody of manager rank or above, archives every
table and reads the archive back, takes everything away, looks that nothing is left, and tells the customer. For 30 days
(`PLATFORM_OPS_DECOMMISSION_GRACE_DAYS`) `event_restore` can bring it back as it was; after that `event_purge` destroys
the archive and the customer's personal data.

### When
When an event is over or not wanted any more. Started from its page in the console, by REST or by hand. Without
`"dry_run": false` it only shows the plan (log of `plan_decommission`) and asks nobody.

### What it changes
An archive below `PLATFORM_OPS_EVENT_ARCHIVE_DIR`; gone are the account, the guide, the Prometheus target with its
rules, the endpoint, the schema `event_<slug>` with its roles, the namespace. The status becomes `decommissioned`.

### Example
```bash
curl -X POST "$AIRFLOW/api/v2/dags/event_decommission/dagRuns" -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" -d '{"logical_date": null, "conf": {"request_id": "spring-salon-1",
  "reason": "the event is over", "dry_run": false}}'
```
The person who starts the run may not approve it, nor may the one who asked for the event.

### When it fails
The operators are told by mail and in their channel. Up to and with `archive_event` nothing was changed and the event is
live. `take_down` refused (`ArchiveMissing`, `ArchiveMismatch`, `PlanChanged`): nothing was changed either. `take_down`
stopped on its way: the event is `decommissioning`; mend the cause and clear the task, or start another run, and it goes
on where it was. `verify_taken_down` names what is left: clear `take_down` to have it taken away. Nothing is ever
dropped before an archive of exactly these rows was read back.

### Owner
Platform Ops, `#ops-approvals`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from platform_ops import decommissioning
from platform_ops.dag_defaults import default_args, tell_of_failed_run
from platform_ops.operators.decommission import ApproveTakeDownOperator
from platform_ops.tags import Tag

PLAN_HASH = "{{ ti.xcom_pull(task_ids='plan_decommission')['plan_hash'] }}"
# Runs that wait for a person count as active.
MAX_ACTIVE_RUNS = 100


@dag(
    schedule=None,
    doc_md=__doc__,
    default_args=default_args(),
    on_failure_callback=tell_of_failed_run,
    params={
        "request_id": Param(type="string", description="The request of the event that is taken down."),
        "reason": Param(
            type="string", pattern=r"\S", description="Why; shown to who decides and written to the ledger."
        ),
        "dry_run": Param(True, type="boolean", description="Only show the plan. Take down with false."),
    },
    max_active_runs=MAX_ACTIVE_RUNS,
    catchup=False,
    tags=[Tag.EVENTS, Tag.APPROVAL, Tag.CUSTOMER, Tag.DESTRUCTIVE, Tag.REST],
)
def event_decommission() -> None:
    """Wire the run: plan, approve, archive, take down, verify, tell."""

    @task
    def plan_decommission() -> dict[str, Any]:
        return decommissioning.plan_decommission(get_current_context())

    @task
    def check_decision(plan: dict[str, Any], answer: dict[str, Any]) -> str:
        return decommissioning.decide(get_current_context(), plan, answer)

    @task
    def archive_event(plan: dict[str, Any]) -> dict[str, Any]:
        return decommissioning.archive_event(plan)

    @task
    def take_down(plan: dict[str, Any]) -> dict[str, Any]:
        return decommissioning.take_down(plan)

    @task
    def verify_taken_down(plan: dict[str, Any]) -> str:
        return decommissioning.verify_taken_down(plan)

    @task
    def tell_customer(plan: dict[str, Any], archive_path: str) -> None:
        decommissioning.tell_customer(plan, archive_path)

    plan = plan_decommission()
    approve_take_down = ApproveTakeDownOperator(task_id="approve_take_down", plan_hash=PLAN_HASH)
    decision = check_decision(plan, approve_take_down.output)
    archived, taken_down, verified = archive_event(plan), take_down(plan), verify_taken_down(plan)

    plan >> approve_take_down
    decision >> archived >> taken_down >> verified
    tell_customer(plan, verified)


event_decommission()
