"""Who may answer an approval: people are named by their user name.

FAB compares the assigned users with the numeric database id, which differs on every installation and which
`config/approvers.yaml` therefore cannot name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager

if TYPE_CHECKING:
    from airflow.providers.fab.auth_manager.models import User


class PlatformOpsAuthManager(FabAuthManager):
    """FAB's auth manager, with the people of a waiting task given as `{"id": "manager1", "name": "manager1"}`."""

    def is_authorized_hitl_task(self, *, assigned_users: set[str], user: User) -> bool:
        """Return whether this person is among those asked. Ids are not compared: a user may well be called "2"."""
        return user.username in assigned_users
