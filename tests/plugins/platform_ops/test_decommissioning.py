"""When the purge only looks."""

from types import SimpleNamespace
from typing import Any

import pytest

from platform_ops.decommissioning import is_dry_run


@pytest.mark.parametrize(
    ("chosen", "run_type", "dry"),
    [
        (None, "manual", True),
        (None, "scheduled", False),
        (False, "manual", False),
        (True, "manual", True),
        (True, "scheduled", True),
    ],
)
def test_only_the_schedule_purges_unasked(chosen: bool | None, run_type: str, dry: bool) -> None:
    context: Any = {"params": {"dry_run": chosen}, "dag_run": SimpleNamespace(run_type=run_type)}
    assert is_dry_run(context) is dry
