"""The tasks of `event_provisioning` that are neither a wait nor a step: taking in, planning, deciding."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from include.settings import get_settings
from platform_ops.hooks.postgres import database
from platform_ops.world import open_world

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

RUN_ID_PREFIX = "request__"


def receive_request(context: Context) -> dict[str, Any]:
    """Make this run the one that handles the request; return its `request_id` and `attempt`.

    A run that the engine started carries a request that is on record already, under the identity that was checked when
    it came in. Any other run brings the request itself, and whoever triggered the run is the requester.

    Raises InvalidRequest with every fault, RequestIdReused, SimilarRequest; AirflowSkipException when another run
    already handles this very request: sending it twice is no error.
    """
    from include.events import intake, lifecycle

    run = context["dag_run"]
    body = dict(run.conf or {})
    with database() as ops:
        if _is_from_engine(context):
            request_id, _, number_text = run.run_id.removeprefix(RUN_ID_PREFIX).rpartition("__")
            number = int(number_text)
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
            request_id, number = receipt.request_id, receipt.attempt
        lifecycle.claim(ops, request_id=request_id, attempt=number, dag_run_id=run.run_id)
    return {"request_id": request_id, "attempt": number}


def _is_from_engine(context: Context) -> bool:
    run = context["dag_run"]
    return run.run_id.startswith(RUN_ID_PREFIX) and run.triggering_user_name == get_settings().airflow_username


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
