"""
### What it does
Brings a taken-down event back as it was, while its grace lasts: reads the whole archive, makes namespace, schema,
endpoint and monitoring again, loads every row under the key it had and compares, makes a new account, and mails the
customer a new one-time link to it. The guide works again under the link of the first mail.

### When
Within 30 days after `event_decommission`. Started from the event's page in the console, by REST or by hand.
With `"dry_run": true` it only reads the archive and says what would come back. One person is enough
(why: `docs/adr/0013-restore-by-one-person.md`); who it was and why is in the ledger.

### What it changes
The same things that `event_decommission` took away; the status becomes `completed`. The archive is kept until its
time is over, so that a restore can be tried again.

### Example
```bash
curl -X POST "$AIRFLOW/api/v2/dags/event_restore/dagRuns" -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" -d '{"logical_date": null, "conf": {"request_id": "spring-salon-1",
  "reason": "taken down by mistake"}}'
```

### When it fails
The operators are told by mail and in their channel. `NotRestorable`: the event is not down, or its grace is over; the
message says until when. `ArchiveMismatch`: a file of the archive is damaged, and which; bring it back from the
storage's own backup. `VerificationFailed`: the world is not as it was, and how. The event still counts as
`decommissioned`: mend the cause and start the run again, it goes on where it was and never loads rows over those that
came in since. To give the restore up, run `event_decommission`'s `take_down` again, or leave it: the purge takes away
what is there.

### Owner
Platform Ops, `#ops-approvals`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from platform_ops import decommissioning
from platform_ops.dag_defaults import default_args, tell_of_failed_run
from platform_ops.tags import Tag


@dag(
    schedule=None,
    doc_md=__doc__,
    default_args=default_args(),
    on_failure_callback=tell_of_failed_run,
    params={
        "request_id": Param(type="string", description="The request of the event that is brought back."),
        "reason": Param(type="string", pattern=r"\S", description="Why; written to the ledger."),
        "dry_run": Param(False, type="boolean", description="Only read the archive and say what would come back."),
    },
    catchup=False,
    tags=[Tag.EVENTS, Tag.CUSTOMER, Tag.REST],
)
def event_restore() -> None:
    """Wire the run: plan, restore, verify."""

    @task
    def plan_restore() -> dict[str, Any]:
        return decommissioning.plan_restore(get_current_context())

    @task
    def restore_event() -> dict[str, Any]:
        context = get_current_context()
        if context["params"]["dry_run"]:
            raise AirflowSkipException("dry run: plan_restore says what would come back")
        return decommissioning.restore_event(context)

    @task
    def verify_restored() -> None:
        decommissioning.verify_restored(get_current_context())

    plan_restore() >> restore_event() >> verify_restored()


event_restore()
