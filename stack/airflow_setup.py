"""Bring Airflow's own database to its newest schema and create our roles and users, in one process.

Each call of Airflow's command line imports Airflow again and costs seconds; this is one call instead of twenty.
Runs inside Airflow's environment: `python -m stack.airflow_setup`.
"""

import os
from typing import Any

from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride
from airflow.providers.fab.www.security import permissions
from airflow.utils import db
from werkzeug.security import check_password_hash

from stack.secrets import USERS, user_password_variable

Permission = tuple[str, str]

REQUESTER_DAG = "event_provisioning"

_VIEW: list[Permission] = [
    *FabAirflowSecurityManagerOverride.VIEWER_PERMISSIONS,
    (permissions.ACTION_CAN_ACCESS_MENU, permissions.RESOURCE_HITL_DETAIL),
    # Airflow's menu reads its link to the Ops Console from the list of plugins.
    (permissions.ACTION_CAN_READ, permissions.RESOURCE_PLUGIN),
]
# What FAB's own "User" may do, without deleting: history is evidence.
_OPERATE: list[Permission] = _VIEW + [
    (action, resource)
    for action, resource in FabAirflowSecurityManagerOverride.USER_PERMISSIONS
    if action != permissions.ACTION_CAN_DELETE
]
_REQUEST: list[Permission] = [
    *_VIEW,
    (permissions.ACTION_CAN_CREATE, permissions.resource_name(REQUESTER_DAG, permissions.RESOURCE_DAG_RUN)),
    # FAB lets nobody start a run of a DAG without this one; it also allows to pause that DAG.
    (permissions.ACTION_CAN_EDIT, permissions.resource_name(REQUESTER_DAG, permissions.RESOURCE_DAG)),
]

# Airflow's roles decide who opens which page and who may start or answer anything at all; who may answer which
# approval is decided by config/approvers.yaml.
ROLES: list[dict[str, Any]] = [
    {"role": "requester", "perms": _REQUEST},
    {"role": "operator", "perms": _OPERATE},
    {"role": "manager", "perms": _OPERATE},
    {"role": "executive", "perms": _OPERATE},
    {"role": "dba", "perms": _OPERATE},
]


def main() -> None:
    """Migrate, then create what is missing of roles and users; passwords come from the environment."""
    db.upgradedb()
    with get_application_builder() as builder:
        manager = builder.sm
        manager.sync_roles()
        manager.bulk_sync_roles(ROLES)
        for username, role in USERS.items():
            _ensure_user(manager, username=username, role=role, password=os.environ[user_password_variable(username)])


def _ensure_user(manager: Any, *, username: str, role: str, password: str) -> None:
    existing = manager.find_user(username=username)
    if existing is None:
        first = username.rstrip("0123456789")
        # FAB insists on both names; its pages show "First Last".
        last = username.removeprefix(first) or "-"
        email = f"{username}@platform-ops.example"
        manager.add_user(username, first.capitalize(), last, email, manager.find_role(role), password)
    elif not check_password_hash(existing.password, password):
        manager.reset_password(existing.id, password)


if __name__ == "__main__":
    main()
