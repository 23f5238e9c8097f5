"""Approvers are named by their user name."""

import pytest
from airflow.providers.fab.auth_manager.models import User

from platform_ops.auth import PlatformOpsAuthManager


@pytest.mark.parametrize(
    ("assigned", "allowed"),
    [
        ({"manager1"}, True),
        ({"manager1", "executive1"}, True),
        ({"executive1"}, False),
        ({"2"}, False),  # the database's number for this person
        ({"Manager1"}, False),
    ],
)
def test_only_those_named_may_answer(assigned: set[str], allowed: bool) -> None:
    manager = PlatformOpsAuthManager()

    assert manager.is_authorized_hitl_task(assigned_users=assigned, user=User(id=2, username="manager1")) is allowed
