"""The steps forwards: what each task of the provisioning run does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from include.events.errors import VerificationFailed
from include.events.lifecycle import STEPS, Connection, StepRun, step, transition
from include.events.steps import account, confirmation, endpoint, guide, monitoring, namespace, schema
from include.events.world import World
from include.store import event_work
from include.store import events as store

__all__ = ["STEPS", "apply_step"]

# In the customer's mail by now; nobody else needs them, so they are not kept.
_ONE_TIME_LINKS = ("handover_url", "rating_url")


def apply_step(name: str, world: World, *, request_id: str, attempt: int, plan_hash: str) -> dict[str, Any]:
    """Carry out one of `STEPS` and return what it made, without secrets; the last one completes the request.

    It can be stopped anywhere and run again. Raises StaleAttempt when the request has moved on, PlanChanged when the
    plan is not the approved one, RequestBusy, or what the step itself raises.
    """
    if (made := _completed(world.ops, request_id, attempt)) is not None:
        return made
    with step(world.ops, request_id=request_id, attempt=attempt, name=name, plan_hash=plan_hash) as run:
        made = _ACTIONS[name](run, world)
        if name == STEPS[-1]:
            _complete(run)
    return made


def verify_event(run: StepRun, world: World) -> list[str]:
    """Look at everything that was made and return what is not as planned."""
    plan = run.plan
    return [
        *namespace.verify(plan, world.core, world.networking),
        *schema.verify(plan, world.platform),
        *endpoint.verify(plan, world.platform_api),
        *monitoring.verify(plan, world.prometheus),
    ]


def _namespace(run: StepRun, world: World) -> dict[str, Any]:
    namespace.apply(run.plan, world.core, world.networking, check=run.check)
    return _record(run, namespace=run.plan.namespace)


def _schema(run: StepRun, world: World) -> dict[str, Any]:
    schema.apply(run.plan, world.platform, check=run.check)
    return _record(run, schema=run.plan.schema)


def _endpoint(run: StepRun, world: World) -> dict[str, Any]:
    registered = endpoint.apply(run.plan, world.platform_api, check=run.check)
    return _record(run, api_url=registered.url)


def _monitoring(run: StepRun, world: World) -> dict[str, Any]:
    monitoring.apply(run.plan, world.events_dir, world.prometheus, promtool=world.promtool, check=run.check)
    return _record(run, prometheus_target=run.plan.monitoring.metrics_url)


def _verification(run: StepRun, world: World) -> dict[str, Any]:
    findings = verify_event(run, world)
    if findings:
        raise VerificationFailed(findings)
    return {"verified": ["namespace", "schema", "endpoint", "monitoring"]}


def _handover(run: StepRun, world: World) -> dict[str, Any]:
    viewer = account.apply(run.plan, world.platform_api, check=run.check)
    if "handover_url" not in run.result:
        run.check()
        # A new link voids the one before: it is made once, and kept until it is in the mail.
        run.record(handover_url=world.platform_api.create_handover(viewer.account_id).url)
    run.check()
    with world.ops.transaction():
        links = guide.apply(run.plan, world, username=viewer.username, known=run.result, now=datetime.now(UTC))
        store.merge_result(world.ops, run.request_id, {"account": viewer.username, **links})
    findings = [*account.verify(run.plan, world.platform_api), *guide.verify(run.plan, world.ops)]
    if findings:
        raise VerificationFailed(findings)
    return {"account": viewer.username}


def _confirmation(run: StepRun, world: World) -> dict[str, Any]:
    channels = confirmation.apply(run.plan, world, attempt=run.attempt, links=run.result, check=run.check)
    return {"told_by": channels}


_ACTIONS: Mapping[str, Callable[[StepRun, World], dict[str, Any]]] = {
    "namespace": _namespace,
    "schema": _schema,
    "endpoint": _endpoint,
    "monitoring": _monitoring,
    "verification": _verification,
    "handover": _handover,
    "confirmation": _confirmation,
}


def _record(run: StepRun, **made: str) -> dict[str, Any]:
    run.record(**made)
    return dict(made)


def _complete(run: StepRun) -> None:
    """Close the request in one transaction with the end of its last step."""
    conn = run.conn
    with conn.transaction():
        transition(
            conn,
            request_id=run.request_id,
            attempt=run.attempt,
            allowed={"configuring"},
            to="completed",
            reason="made, verified, handed over and confirmed",
            after={name: run.result.get(name) for name in ("namespace", "schema", "api_url", "prometheus_target")},
        )
        store.drop_result(conn, run.request_id, _ONE_TIME_LINKS)
        store.set_error(conn, run.request_id, None)
        event_work.finish_step(conn, run.request_id, run.attempt, run.name, state="done")


def _completed(conn: Connection, request_id: str, attempt: int) -> dict[str, Any] | None:
    """Return what was made when the attempt is complete: a task that died after its work was done is tried again."""
    row = store.find_request(conn, request_id)
    if row is None or row["status"] != "completed" or row["attempt"] != attempt:
        return None
    return {"completed": row["result"]}
