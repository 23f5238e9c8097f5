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

from stack.secrets import SERVICE_ACCOUNTS, USERS, user_password_variable

Permission = tuple[str, str]

REQUESTED_DAG = "event_provisioning"


class RoleNotSet(RuntimeError):
    """FAB did not give a role what it should have; it logs why and raises nothing itself."""


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
_START_RUNS: list[Permission] = [
    # FAB gives this one to every role that it does not know, at each start of the api-server.
    (permissions.ACTION_CAN_READ, permissions.RESOURCE_WEBSITE),
    (permissions.ACTION_CAN_READ, permissions.resource_name(REQUESTED_DAG, permissions.RESOURCE_DAG)),
    (permissions.ACTION_CAN_CREATE, permissions.resource_name(REQUESTED_DAG, permissions.RESOURCE_DAG_RUN)),
    # FAB lets nobody start a run of a DAG without this one; it also allows to pause that DAG.
    (permissions.ACTION_CAN_EDIT, permissions.resource_name(REQUESTED_DAG, permissions.RESOURCE_DAG)),
]
# Runs, their tasks, logs, XComs and approvals hold every customer's data: whoever asks for events sees their own, in
# the console, which needs no permission but the log-in.
_REQUEST: list[Permission] = [
    *_START_RUNS,
    (permissions.ACTION_CAN_READ, permissions.RESOURCE_PLUGIN),
    (permissions.ACTION_CAN_READ, permissions.RESOURCE_MY_PASSWORD),
    (permissions.ACTION_CAN_EDIT, permissions.RESOURCE_MY_PASSWORD),
    (permissions.ACTION_CAN_READ, permissions.RESOURCE_MY_PROFILE),
    (permissions.ACTION_CAN_EDIT, permissions.RESOURCE_MY_PROFILE),
    (permissions.ACTION_CAN_ACCESS_MENU, permissions.RESOURCE_DOCS),
    (permissions.ACTION_CAN_ACCESS_MENU, permissions.RESOURCE_DOCS_MENU),
]
_RUN_REQUESTS: list[Permission] = [
    *_START_RUNS,
    # When an id is taken already, the engine looks at whose run has it.
    (permissions.ACTION_CAN_READ, permissions.resource_name(REQUESTED_DAG, permissions.RESOURCE_DAG_RUN)),
]

# Airflow's roles decide who opens which page and who may start or answer anything at all; who may answer which
# approval is decided by config/approvers.yaml. They are these permissions exactly: who needs others gets another role.
ROLES: list[dict[str, Any]] = [
    {"role": "requester", "perms": _REQUEST},
    {"role": "operator", "perms": _OPERATE},
    {"role": "manager", "perms": _OPERATE},
    {"role": "executive", "perms": _OPERATE},
    {"role": "dba", "perms": _OPERATE},
    {"role": "engine", "perms": _RUN_REQUESTS},
]


def main() -> None:
    """Migrate, set the roles, create missing users; passwords come from the environment. Raises RoleNotSet."""
    db.upgradedb()
    with get_application_builder() as builder:
        manager = builder.sm
        manager.sync_roles()
        manager.bulk_sync_roles(ROLES)
        for wanted in ROLES:
            _take_away_others(manager, name=wanted["role"], wanted=frozenset(wanted["perms"]))
        for username, role in USERS.items():
            password = os.environ[user_password_variable(username)]
            _ensure_user(manager, username=username, role_name=role, password=password)


def _take_away_others(manager: Any, *, name: str, wanted: frozenset[Permission]) -> None:
    """Make a role have no more than it should: FAB only ever adds, also to a role from an older version of ours."""
    role = manager.find_role(name)
    for permission in list(role.permissions):
        if (permission.action.name, permission.resource.name) not in wanted:
            manager.remove_permission_from_role(role, permission)
    found = {(permission.action.name, permission.resource.name) for permission in manager.find_role(name).permissions}
    if found != wanted:
        raise RoleNotSet(f"role {name!r} differs in {sorted(found ^ wanted)}; FAB's log says why")


def _ensure_user(manager: Any, *, username: str, role_name: str, password: str) -> None:
    existing = manager.find_user(username=username)
    if existing is None:
        first = username.rstrip("0123456789")
        # FAB insists on both names; its pages show "First Last".
        last = username.removeprefix(first) or "-"
        email = f"{username}@platform-ops.example"
        manager.add_user(username, first.capitalize(), last, email, manager.find_role(role_name), password)
        return
    if not check_password_hash(existing.password, password):
        manager.reset_password(existing.id, password)
    # People's roles are changed on FAB's pages; a service account has the one that it was made for.
    if username in SERVICE_ACCOUNTS and [role.name for role in existing.roles] != [role_name]:
        existing.roles = [manager.find_role(role_name)]
        manager.update_user(existing)


if __name__ == "__main__":
    main()
