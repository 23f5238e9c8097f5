"""
### What it does
Checks the whole ledger, entry by entry, against itself and against every published anchor, publishes the head and
mails it to the operators: a copy in mailboxes that no database administrator can change.

### When
Every day at 06:00 in the configured zone.

### What it changes
One mail; one anchor when the head is new; one entry with the outcome, `ledger.verified` or `ledger.tampered`. The
engine shows it to Prometheus (alerts `LedgerTampered`, `LedgerNotVerified`).

### Example
```bash
python -m include.store verify-ledger    # the same check by hand; exit 1 names the first bad entry
```

### When it fails
`LedgerTampered` names the first entry that was changed, removed or put in, or the anchor that is gone. Treat it as a
security incident: stop nothing, copy the database and the anchors, and compare with the last mail. `tell_operators`
says it at once by mail and in the operators' channel; no head is published, here or hourly, until a check finds the
ledger intact. `AnchorError`: the anchors could not be read, and nothing was checked.

### Owner
Platform Ops, `#ops-approvals`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import CronTriggerTimetable, TriggerRule, dag, get_current_context, task

from include.settings import get_settings
from platform_ops import ledger
from platform_ops.dag_defaults import default_args
from platform_ops.tags import Tag


@dag(
    schedule=CronTriggerTimetable("0 6 * * *", timezone=get_settings().timezone),
    doc_md=__doc__,
    default_args=default_args(),
    max_active_runs=1,
    catchup=False,
    tags=[Tag.REPORTS, Tag.HOUSEKEEPING],
)
def ledger_verification() -> None:
    """Wire the run: verify, publish, mail; tell the operators when the check fails."""

    @task
    def verify_chain() -> dict[str, Any]:
        return ledger.verify_chain(get_current_context())

    @task
    def publish_head() -> dict[str, Any]:
        return ledger.publish_head()

    @task
    def mail_head(report: dict[str, Any], head: dict[str, Any]) -> None:
        ledger.mail_head(head, report, day=get_current_context()["dag_run"].run_after.date())

    @task(trigger_rule=TriggerRule.ONE_FAILED)
    def tell_operators() -> None:
        ledger.tell_operators(get_current_context())

    report = verify_chain()
    head = publish_head()
    report >> [head, tell_operators()]
    mail_head(report, head)


ledger_verification()
