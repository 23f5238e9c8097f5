"""The tasks of `event_provisioning` that are neither a wait nor a step: taking in, planning, deciding."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from include.events.run_ids import RESERVED_PREFIX, is_reserved
from include.settings import get_settings
from platform_ops.hooks.postgres import database
from platform_ops.world import open_world

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context


def receive_request(context: Context) -> dict[str, Any]:
    """Make this run the one that handles the request; return its `request_id` and `attempt`.

    A run that the engine started carries a request that is on record already, under the identity that was checked when
    it came in. Any other run brings the request itself, and whoever triggered the run is the requester.

    Raises InvalidRequest with every fault, RequestIdReused, SimilarRequest; ReservedRunId when somebody gave the run an
    id as the engine does; AirflowSkipException when another run already handles this very request: sending it twice is
    no error.
    """
    from include.events import intake, lifecycle
    from include.events.errors import ReservedRunId

    run = context["dag_run"]
    body = dict(run.conf or {})
    if _is_run_id_usurped(context):
        raise ReservedRunId(
            f"run {run.run_id!r} of {run.triggering_user_name!r}: only the engine starts runs whose ids begin with"
            f" {RESERVED_PREFIX!r}; start the run again without an id of your own"
        )
    with database() as ops:
        if is_reserved(run.run_id):
            receipt = intake.recall(ops, body, dag_run_id=run.run_id)
        else:
            receipt = intake.receive(
                ops,
                body,
                identity=intake.Identity.user(run.triggering_user_name or "airflow"),
                source="airflow",
                now=datetime.now(UTC),
                dag_run_id=run.run_id,
                timezone=get_settings().timezone,
            )
            if receipt.dag_run_id != run.run_id:
                handled_by = receipt.dag_run_id or "one that the engine starts"
                raise AirflowSkipException(f"request {receipt.request_id} is {receipt.status}; its run is {handled_by}")
        lifecycle.claim(ops, request_id=receipt.request_id, attempt=receipt.attempt, dag_run_id=run.run_id)
    return {"request_id": receipt.request_id, "attempt": receipt.attempt}


def find_claimed(context: Context) -> dict[str, Any]:
    """Return `request_id` and `attempt` of the request that this run works for, though its first task failed.

    That task may have bound the request to the run before it failed, so that its word is missing but not its work.
    Raises AirflowSkipException when there is nothing to take back.
    """
    from include.events.lifecycle import MAY_END
    from include.store.events import find_by_run

    run_id = context["dag_run"].run_id
    if _is_run_id_usurped(context):
        raise AirflowSkipException(f"nothing to take back: run {run_id} was refused for its id")
    with database() as ops:
        row = find_by_run(ops, run_id)
    if row is None:
        raise AirflowSkipException(f"nothing to take back: no request was taken in by run {run_id}")
    if row["status"] not in MAY_END:
        raise AirflowSkipException(f"nothing to take back: request {row['request_id']} is {row['status']}")
    return {"request_id": row["request_id"], "attempt": row["attempt"]}


def _is_run_id_usurped(context: Context) -> bool:
    run = context["dag_run"]
    return is_reserved(run.run_id) and run.triggering_user_name != get_settings().airflow_username


def plan_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """Plan the event; return `plan_hash` and `tier`. The plan itself is on record, and shown in the approval."""
    from include.events import planning

    with database("ops_db") as ops, database("platform_db") as platform:
        planned = planning.plan_event(
            ops, platform, request_id=request["request_id"], attempt=request["attempt"], now=datetime.now(UTC)
        )
    return {"plan_hash": planned.plan_hash, "tier": planned.tier}


def decide(request: Mapping[str, Any], plan: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Check whether the answer counts, for this plan and this person at that time; return "approved".

    Raises AirflowSkipException when it was a no or nobody answered: that is an outcome, not a failure.
    """
    from include.approvals import process
    from include.events.decision_notice import tell_not_approved

    with database() as ops:
        decision = process.conclude(
            ops,
            request_id=request["request_id"],
            attempt=request["attempt"],
            plan_hash=plan["plan_hash"],
            answer=answer,
        )
    if decision.outcome != "approved":
        with open_world() as world:
            tell_not_approved(world, request_id=request["request_id"])
        raise AirflowSkipException(f"request {request['request_id']} is {decision.outcome}: {decision.reason}")
    return decision.outcome
