"""The event's schema in the platform's database, made by the functions that the platform's DBA granted us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from include.events.errors import NotOwned
from include.events.names import EventKey
from include.events.plan import EventPlan
from include.store.events import fetch_one

Connection = psycopg.Connection[Any]

# Tables with the indexes that make their usual questions fast, and with how many constraints at least.
EXPECTED_TABLES: Mapping[str, tuple[frozenset[str], int]] = {
    "event_info": (frozenset({"event_info_pkey"}), 3),
    "gates": (frozenset({"gates_pkey", "gates_name_key"}), 2),
    "access_policies": (frozenset({"access_policies_pkey"}), 1),
    "notification_settings": (frozenset({"notification_settings_pkey"}), 1),
    "participants": (frozenset({"participants_pkey", "participants_email_key", "participants_status_idx"}), 3),
    "entry_logs": (
        frozenset({"entry_logs_pkey", "entry_logs_entered_at_idx", "entry_logs_gate_id_idx"})
        | {"entry_logs_participant_id_idx"},
        3,
    ),
}
READ_ONLY = frozenset({"SELECT"})
# What the event's API role may do beyond reading; anything more is too much.
API_WRITES: Mapping[str, frozenset[str]] = {
    "participants": frozenset({"INSERT", "UPDATE"}),
    "entry_logs": frozenset({"INSERT"}),
    "gates": frozenset({"UPDATE (is_open)"}),
}


def apply(plan: EventPlan, platform: Connection, *, check: Callable[[], None]) -> None:
    """Make or complete schema, tables and roles, in one transaction. Raises NotOwned when it is another request's."""
    check()
    try:
        with platform.transaction():
            platform.execute(
                "SELECT platform_ops.create_event_schema(%s, %s, %s)",
                (plan.slug, plan.request_id, Jsonb(settings_of(plan))),
            )
    except psycopg.errors.DuplicateObject as error:
        raise NotOwned(f"schema {plan.schema}: {error.diag.message_primary}") from error


def verify(plan: EventPlan, platform: Connection) -> list[str]:
    """Return what of the schema is not as planned: missing tables, indexes, roles, or rights beyond the least."""
    state = _state(platform, plan.slug)
    if not state["schema_exists"]:
        return [f"schema {plan.schema} is missing"]
    findings = []
    if state["owner_request"] != plan.request_id:
        findings.append(f"schema {plan.schema} belongs to {state['owner_request']!r}")
    roles = {f"{plan.schema}_owner", f"{plan.schema}_api", f"{plan.schema}_viewer"}
    if missing := roles - set(state["roles"]):
        findings.append(f"schema {plan.schema} lacks the roles {', '.join(sorted(missing))}")
    findings += _table_findings(state["tables"])
    findings += _grant_findings(plan, state["grants"])
    return findings


def undo(key: EventKey, platform: Connection) -> None:
    """Drop schema and roles. Raises NotOwned when they are another request's."""
    try:
        with platform.transaction():
            platform.execute("SELECT platform_ops.drop_event_schema(%s, %s)", (key.slug, key.request_id))
    except psycopg.errors.DuplicateObject as error:
        raise NotOwned(f"schema {key.schema} is kept: {error.diag.message_primary}") from error


def leftovers(key: EventKey, platform: Connection) -> list[str]:
    """Return the schema and roles that are still there, unless they are another request's."""
    owner = _state(platform, key.slug)["owner_request"]
    if owner is not None and owner != key.request_id:
        return []
    row = fetch_one(platform, "SELECT platform_ops.leftovers(%s) AS objects", (key.slug,))
    return [str(name) for name in row["objects"]] if row else []


def settings_of(plan: EventPlan) -> dict[str, Any]:
    """Return what the new schema is filled with."""
    return {
        "name": plan.event.name,
        "venue": plan.event.venue,
        "event_type": plan.event_type,
        "starts_at": plan.event.starts_at.isoformat(),
        "ends_at": plan.event.ends_at.isoformat(),
        "expected_attendees": plan.event.expected_attendees,
        "language": plan.customer.language,
        "gates": plan.event.gates,
        "access_policy": plan.access_policy,
        "notification_settings": plan.notification_settings,
    }


def _state(platform: Connection, slug: str) -> dict[str, Any]:
    row = fetch_one(platform, "SELECT platform_ops.event_schema_state(%s) AS state", (slug,))
    state: dict[str, Any] = row["state"] if row else {"schema_exists": False, "owner_request": None}
    return state


def _table_findings(tables: Mapping[str, Any]) -> list[str]:
    findings = []
    for name, (indexes, constraints) in EXPECTED_TABLES.items():
        table = tables.get(name)
        if table is None:
            findings.append(f"table {name} is missing")
            continue
        if missing := indexes - set(table["indexes"]):
            findings.append(f"table {name} lacks the indexes {', '.join(sorted(missing))}")
        if len(table["constraints"]) < constraints:
            findings.append(f"table {name} has {len(table['constraints'])} constraints, expected {constraints}")
    return findings


def _grant_findings(plan: EventPlan, grants: Mapping[str, Mapping[str, list[str]]]) -> list[str]:
    """Compare every right on every table with the least that is needed."""
    api, viewer = f"{plan.schema}_api", f"{plan.schema}_viewer"
    expected = {
        api: {table: READ_ONLY | API_WRITES.get(table, frozenset()) for table in EXPECTED_TABLES},
        viewer: dict.fromkeys(EXPECTED_TABLES, READ_ONLY),
    }
    findings = []
    for role, tables in expected.items():
        for table, rights in tables.items():
            found = frozenset(grants.get(role, {}).get(table, ()))
            if found != rights:
                findings.append(f"role {role} has {_listed(found)} on {table}, expected {_listed(rights)}")
    findings += [f"role {role} has rights on the event's tables" for role in grants if role not in expected]
    return findings


def _listed(rights: frozenset[str]) -> str:
    return ", ".join(sorted(rights)) or "no right"
