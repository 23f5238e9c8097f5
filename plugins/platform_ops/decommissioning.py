"""The tasks of `event_decommission`, `event_restore` and `event_purge`: settings and connections for the domain."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from include.settings import get_settings
from platform_ops.hooks.postgres import database
from platform_ops.world import open_world

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from include.approvals.roster import ApproverGroup
    from include.events.decommission_plan import DecommissionPlan

log = logging.getLogger(__name__)

AIRFLOW_ITSELF = "airflow"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, whom, and on whose behalf."""

    plan: DecommissionPlan
    group: ApproverGroup
    asked_by: str


def plan_decommission(context: Context) -> dict[str, Any]:
    """Say in the log what would be taken down; return `request_id`, `plan_hash` and the rows by table.

    Raises UnknownRequest, StaleAttempt when the event is not live, InvalidRequest for an unusable reason.
    """
    plan = _plan(context)
    log.info("Plan %s\n%s", plan.plan_hash, plan.markdown)
    return {
        "request_id": plan.take_down.request_id,
        "plan_hash": plan.plan_hash,
        "rows": {table.table_name: table.row_count for table in plan.tables},
    }


def ask(context: Context, *, plan_hash: str) -> Question:
    """Return the question to be put. Raises PlanChanged when the event has changed since it was planned, NoApprover."""
    from include.approvals.roster import load_roster
    from include.events.decommission_approval import find_approvers
    from include.events.errors import PlanChanged

    plan = _plan(context)
    if plan.plan_hash != plan_hash:
        raise PlanChanged(f"the plan is {plan.plan_hash} now, it was {plan_hash}: start another run")
    asked_by = _asked_by(context)
    with database() as ops:
        group = find_approvers(
            ops,
            request_id=plan.take_down.request_id,
            asked_by=asked_by,
            roster=load_roster(get_settings().approvers_file),
            at=datetime.now(UTC),
        )
    return Question(plan=plan, group=group, asked_by=asked_by)


def decide(context: Context, plan: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Check whether the answer counts, for this plan and this person; return who approved.

    Raises AirflowSkipException when it was a no or nobody answered: that is an outcome, not a failure.
    """
    from include.approvals.roster import load_roster
    from include.events.decommission_approval import conclude

    settings = get_settings()
    with database() as ops:
        decision = conclude(
            ops,
            request_id=plan["request_id"],
            plan_hash=plan["plan_hash"],
            reason=context["params"]["reason"],
            grace_days=settings.decommission_grace_days,
            asked_by=_asked_by(context),
            answer=answer,
            roster=load_roster(settings.approvers_file),
        )
    if decision.outcome != "approved" or decision.by is None:
        raise AirflowSkipException(f"request {plan['request_id']} stays as it is: {decision.reason}")
    return decision.by


def archive_event(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Archive the event and read the archive back; return where it is and its SHA-256. Nothing of the event changes."""
    from include.events.archiving import archive_event as archive

    settings = get_settings()
    with database("ops_db") as ops, database("platform_db") as platform:
        record = archive(
            ops,
            platform,
            request_id=plan["request_id"],
            archive_dir=settings.event_archive_dir,
            grace_days=settings.decommission_grace_days,
        )
    return {"path": record.path, "sha256": record.sha256, "row_counts": record.row_counts}


def take_down(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Take the approved event down; return until when it can be restored, and from which archive."""
    from include.events.decommission import take_down as take_down_event

    with open_world() as world:
        report = take_down_event(
            world,
            request_id=plan["request_id"],
            plan_hash=plan["plan_hash"],
            archive_dir=get_settings().event_archive_dir,
        )
    return {"archive": report.archive.path, "restorable_until": report.purge_after.isoformat()}


def verify_taken_down(plan: Mapping[str, Any]) -> str:
    """Look at the world and read the archive; return its path. Raises VerificationFailed with everything left."""
    from include.events.decommission import verify_taken_down as verify

    with open_world() as world:
        return verify(world, request_id=plan["request_id"], archive_dir=get_settings().event_archive_dir).path


def tell_customer(plan: Mapping[str, Any], archive_path: str) -> None:
    """Tell the customer that the event is down and until when it can come back; once, however often it is tried."""
    from include.events.decommission_notice import tell_taken_down

    with open_world() as world:
        tell_taken_down(world, request_id=plan["request_id"], archive_path=archive_path)


def plan_restore(context: Context) -> dict[str, Any]:
    """Read the archive and say what would come back; nothing is changed. Raises NotRestorable, ArchiveMismatch."""
    return _restore(context, dry_run=True)


def restore_event(context: Context) -> dict[str, Any]:
    """Restore the event; return from which archive. Raises VerificationFailed when the world is not as it was."""
    return _restore(context, dry_run=False)


def verify_restored(context: Context) -> None:
    """Look at the world once more, in another session. Raises VerificationFailed with all that is not as it was."""
    from include.events.restore import verify_event

    with open_world() as world:
        verify_event(world, request_id=context["params"]["request_id"])


def purge(context: Context, *, dry_run: bool) -> list[dict[str, Any]]:
    """Destroy what is overdue, or say in a dry run what would be; return it. Raises PurgeIncomplete."""
    from include.events.purge import purge_due

    settings = get_settings()
    with open_world() as world:
        purged = purge_due(
            world,
            now=context["dag_run"].run_after,
            archive_dir=settings.event_archive_dir,
            ended_request_days=settings.ended_request_retention_days,
            dry_run=dry_run,
        )
    for item in purged:
        log.info("%s %s: %s", "would be purged:" if dry_run else "purged:", item.request_id, item.reason)
    return [asdict(item) for item in purged]


def verify_purged(context: Context, planned: list[dict[str, Any]]) -> None:
    """Look whether anything that was planned is still overdue. Raises VerificationFailed with all that is."""
    from include.events.errors import VerificationFailed

    wanted = {item["request_id"] for item in planned}
    overdue = {item["request_id"] for item in purge(context, dry_run=True)}
    if left := sorted(wanted & overdue):
        raise VerificationFailed([f"request {request_id} is still not purged" for request_id in left])


def is_dry_run(context: Context) -> bool:
    """Tell whether a run only looks: what was chosen, else true for a person's run and false for the schedule's."""
    chosen = context["params"]["dry_run"]
    return context["dag_run"].run_type == "manual" if chosen is None else bool(chosen)


def _plan(context: Context) -> DecommissionPlan:
    from include.events import decommission_plan

    params = context["params"]
    with database("ops_db") as ops, database("platform_db") as platform:
        return decommission_plan.plan_decommission(
            ops,
            platform,
            request_id=params["request_id"],
            reason=params["reason"],
            grace_days=get_settings().decommission_grace_days,
            now=datetime.now(UTC),
        )


def _restore(context: Context, *, dry_run: bool) -> dict[str, Any]:
    from include.events.restore import restore

    params = context["params"]
    with open_world() as world:
        report = restore(
            world,
            request_id=params["request_id"],
            reason=params["reason"],
            actor=f"user:{_asked_by(context)}",
            archive_dir=get_settings().event_archive_dir,
            dry_run=dry_run,
        )
    return {"archive": report.archive.path, "row_counts": report.archive.row_counts}


def _asked_by(context: Context) -> str:
    return context["dag_run"].triggering_user_name or AIRFLOW_ITSELF
