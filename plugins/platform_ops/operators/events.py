"""Operators of event provisioning: one step forwards, all steps back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from platform_ops import provisioning
from platform_ops.world import open_world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context


class EventApplyStepOperator(BaseOperator):
    """Apply one provisioning step; fenced and idempotent, so that a retry after a kill goes on where it was.

    :param step: one of `include.events.provision.STEPS`.
    :param request_id: the request, templated.
    :param attempt: the attempt that this run stands for, templated; an older one is refused with StaleAttempt.
    :param plan_hash: hash of the approved plan, templated; another plan is refused with PlanChanged.
    """

    template_fields: Sequence[str] = ("request_id", "attempt", "plan_hash")

    def __init__(self, *, step: str, request_id: str, attempt: str, plan_hash: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step = step
        self.request_id = request_id
        self.attempt = attempt
        self.plan_hash = plan_hash

    def execute(self, context: Context) -> dict[str, Any]:
        """Apply the step and return what it made, without secrets."""
        from include.events import provision

        with open_world() as world:
            made: dict[str, Any] = provision.apply_step(
                self.step, world, request_id=self.request_id, attempt=int(self.attempt), plan_hash=self.plan_hash
            )
        self.log.info("request %s in %s: step %s is done: %s", self.request_id, context["run_id"], self.step, made)
        return made


class EventRollbackOperator(BaseOperator):
    """Take away everything that a request made, look whether anything is left, tell the customer and the operators.

    :param request_id: the request, templated; empty when the run's first task failed, and then the one that the run
        works for, if any.
    :param attempt: the attempt that failed, templated; empty as above.
    :param reason: why, templated; it is written to the ledger.
    """

    template_fields: Sequence[str] = ("request_id", "attempt", "reason")

    def __init__(self, *, request_id: str, attempt: str, reason: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.request_id = request_id
        self.attempt = attempt
        self.reason = reason

    def execute(self, context: Context) -> list[str]:
        """Undo, verify, tell; return the steps that were undone.

        Raises RollbackIncomplete with all that is left; AirflowSkipException when the run works for no request.
        """
        from include.events import rollback

        request = {"request_id": self.request_id, "attempt": self.attempt}
        if not self.request_id:
            request = provisioning.find_claimed(context)
        request_id, attempt = request["request_id"], int(request["attempt"])
        with open_world() as world:
            report = rollback.end_failed(world, request_id=request_id, attempt=attempt, reason=self.reason)
        self.log.info("request %s of %s is rolled back: %s", request_id, context["run_id"], report)
        return list(report.undone)
