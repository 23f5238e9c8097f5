"""Wait for somebody of manager rank or above to decide about taking an event down."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowSkipException

from include.settings import get_settings
from platform_ops import decommissioning
from platform_ops.hooks.postgres import database
from platform_ops.notifications.decommissioning import notify_about_take_down
from platform_ops.operators.approval import APPROVE, REJECT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context


class ApproveTakeDownOperator(HITLOperator):
    """Show what is taken down to those who may decide and park the task until one of them answers.

    Not asked are the person who started the run and the one who once asked for the event. A dry run ends here: the task
    is skipped, and all that follow with it. The returned answer is only what was said: `check_decision` decides whether
    it counts. Without an answer the question expires with nothing changed.

    :param plan_hash: hash of the plan to show, templated; the decision holds for this plan only.
    """

    template_fields: Sequence[str] = ("plan_hash",)

    def __init__(self, *, plan_hash: str, **kwargs: Any) -> None:
        super().__init__(subject="Take an event down", options=[APPROVE, REJECT], **kwargs)
        self.plan_hash = plan_hash

    def execute(self, context: Context) -> None:
        """Ask. Raises PlanChanged when the event has changed since it was planned."""
        if context["params"]["dry_run"]:
            raise AirflowSkipException("dry run: the plan is in the log of plan_decommission; nobody is asked")
        question = decommissioning.ask(context, plan_hash=self.plan_hash)
        with database() as ops:
            people = question.group.asked
            notify_about_take_down(ops, context, question.plan, people, asked_by=question.asked_by)
        self.subject, self.body = question.plan.subject, question.plan.markdown
        self.assigned_users = [{"id": name, "name": name} for name in question.group.all_usernames]
        self.response_timeout = timedelta(seconds=get_settings().approval_expiry_seconds)
        super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Return the answer, or that nobody gave one in time."""
        if event.get("error_type") == "timeout":
            return {"expired": True}
        answer = super().execute_complete(context, event)
        return {
            "chosen": answer["chosen_options"][0],
            "responded_by": (answer["responded_by_user"] or {}).get("name"),
            "responded_at": event["responded_at"].isoformat(),
        }
