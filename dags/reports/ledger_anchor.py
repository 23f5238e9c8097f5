"""
### What it does
Publishes the head of the hash-chained ledger outside the database (object storage or a folder that belongs to somebody
else), so that a chain that was rewritten as a whole is found too.

### When
Every hour. A head that was published before is not published again.

### What it changes
One new object below `PLATFORM_OPS_LEDGER_ANCHOR_URL` and one row in `ops.ledger_anchors`. Nothing is ever overwritten.

### Example
```bash
python -m include.store publish-anchor   # the same by hand
python -m include.store verify-ledger    # check the chain against all anchors
```

### When it fails
`AnchorError`: the place cannot be written; mend access, the next run catches up. `AnchorConflict`: an object of that
name says something else. That is no accident: treat it as a security incident and keep both. `LedgerNotTrusted`: the
last check found the ledger tampered with; nothing is published before a check finds it intact.

### Owner
Platform Ops, `#ops-approvals`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from platform_ops import ledger
from platform_ops.dag_defaults import default_args
from platform_ops.tags import Tag


@dag(
    schedule="@hourly",
    doc_md=__doc__,
    default_args=default_args(),
    max_active_runs=1,
    catchup=False,
    tags=[Tag.REPORTS, Tag.HOUSEKEEPING],
)
def ledger_anchor() -> None:
    """Wire the one task."""

    @task
    def publish_head() -> dict[str, Any]:
        return ledger.publish_head()

    publish_head()


ledger_anchor()
