"""Wait for a person of the right tier; remind, ask the deputies, and let the request expire when nobody answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import TaskAwaitingInput

from platform_ops.hooks.postgres import database
from platform_ops.notifications.approvals import notify_approvers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from include.approvals.process import Ask

APPROVE, REJECT = "Approve", "Reject"
# The sweep that ends a wait runs every few seconds; a wait of no length would be taken as "for ever".
SHORTEST_WAIT = timedelta(seconds=1)


class ApprovePlanOperator(HITLOperator):
    """Show the plan to those who may approve it and park the task until one of them answers.

    A small event is approved automatically: the task then ends at once. Otherwise the wait is cut at the reminder, at
    the deputies' turn and at the expiry; each cut sends what is due and parks the task again, with no slot and no
    process in between. The returned answer is only what was said: `check_decision` decides whether it counts.

    :param request_id: the request, templated.
    :param attempt: its attempt, templated.
    :param plan_hash: hash of the plan to show, templated; the decision holds for this plan only.
    """

    template_fields: Sequence[str] = ("request_id", "attempt", "plan_hash", "tier")

    def __init__(self, *, request_id: str, attempt: str, plan_hash: str, tier: str, **kwargs: Any) -> None:
        super().__init__(subject="Approve the plan of an event", options=[APPROVE, REJECT], **kwargs)
        self.request_id = request_id
        self.attempt = attempt
        self.plan_hash = plan_hash
        self.tier = tier

    def execute(self, context: Context) -> dict[str, Any] | None:
        """Ask; return at once with `automatic` when the tier needs nobody."""
        from include.approvals import process

        with database() as ops:
            ask = process.ask(ops, request_id=self.request_id, attempt=int(self.attempt))
            if ask is None:
                self.log.info("request %s: tier %s is approved automatically", self.request_id, self.tier)
                return {"automatic": True}
            notify_approvers(ops, context, ask, kind="asked", request_id=self.request_id)
        self.subject, self.body = ask.subject, ask.markdown
        # The higher rank and the deputies may answer from the start; they are only not asked at first.
        self.assigned_users = [{"id": name, "name": name} for name in ask.group.all_usernames]
        self.response_timeout = self._wait(ask)
        super().execute(context)
        return None

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Return the answer, or act on the time that has come and wait on."""
        if event.get("error_type") != "timeout":
            answer = super().execute_complete(context, event)
            return {
                "chosen": answer["chosen_options"][0],
                "responded_by": (answer["responded_by_user"] or {}).get("name"),
                "responded_at": event["responded_at"].isoformat(),
            }
        return self._follow_up(context)

    def _follow_up(self, context: Context) -> dict[str, Any]:
        from include.approvals import process
        from include.approvals.deadlines import Action
        from include.events.errors import StaleAttempt

        attempt = int(self.attempt)
        with database() as ops:
            ask = process.ask(ops, request_id=self.request_id, attempt=attempt)
            if ask is None:  # the tier of a plan does not change
                raise StaleAttempt(f"request {self.request_id!r} needs no approval any more")
            for action in process.due_actions(ops, request_id=self.request_id):
                if action is Action.EXPIRY:
                    return {"expired": True}
                notify_approvers(ops, context, ask, kind=action, request_id=self.request_id)
                process.record_action(ops, request_id=self.request_id, attempt=attempt, kind=action)
        raise TaskAwaitingInput(method_name="execute_complete", timeout=self._wait(ask))

    def _wait(self, ask: Ask) -> timedelta:
        return max(ask.next_due_at - datetime.now(UTC), SHORTEST_WAIT)
