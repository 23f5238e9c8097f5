"""
### What it does
Takes a request for an event from the customer's wish to an event that runs: validates and classifies it, plans it after
similar past events, has the plan approved by the person its size asks for, makes the Kubernetes namespace, the database
schema, the monitoring and the API endpoint, prepares the hand-over, looks at all of it in the world and confirms it.

| attendees | approved by |
|---|---|
| up to 100 | nobody: automatic |
| 101 to 499 | a manager (or an executive) |
| 500 and more | an executive |

### When
Once per request. Requests come by `POST /console/api/events`, by the form `/console/request` (the engine then starts
the run) or directly as a run of this DAG with the request as `conf`.

### What it changes
Namespace `event-<slug>`, schema `event_<slug>` with its roles in the platform database, one registered endpoint, one
Prometheus target with its rules, one viewer account, one guide; a mail and an SMS go to the customer. Every change is
in the ledger. Whatever fails, `roll_back` takes all of it away again and tells the customer and the operators.

### Example
```bash
curl -X POST "$AIRFLOW/api/v2/dags/event_provisioning/dagRuns" -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" -d '{"logical_date": null, "conf": {"request_id": "spring-salon-1",
  "customer": {"name": "Hanbit Live", "email": "minji@hanbit.example", "phone": "+821048210932", "language": "ko"},
  "event": {"name": "Spring Jazz Salon", "venue": "Blue Hall", "starts_at": "2027-04-02T19:00:00+09:00",
            "ends_at": "2027-04-02T22:00:00+09:00", "expected_attendees": 80, "gates": 1}}}'
```

### When it fails
`validate_request` failed: the log names every fault of the request; nothing was made, and `roll_back` is skipped unless
the request was taken in already. A run id that begins with `request__` is the engine's alone. Any other task failed:
`roll_back` ran, and the run ends as failed; look at `/console/events/<request_id>` for what failed and what was undone,
mend the cause, then *Resume* there: nobody has to enter the request again. `roll_back` itself failed: `event_reconcile`
goes on with it every few minutes and its log names what is left. An approval that nobody answered expires with nothing
changed and can be resumed in the same way. A request whose start passed before it was planned ends as `invalid`, and
its customer is told.

### Owner
Platform Ops, `#ops-approvals`.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import TaskGroup, TriggerRule, dag, get_current_context, task

from platform_ops import provisioning
from platform_ops.dag_defaults import default_args
from platform_ops.operators.approval import ApprovePlanOperator
from platform_ops.operators.events import EventApplyStepOperator, EventRollbackOperator
from platform_ops.params import REQUEST_PARAMS
from platform_ops.tags import Tag

REQUEST_ID = "{{ (ti.xcom_pull(task_ids='validate_request') or {}).get('request_id', '') }}"
ATTEMPT = "{{ (ti.xcom_pull(task_ids='validate_request') or {}).get('attempt', '') }}"
PLAN_HASH = "{{ ti.xcom_pull(task_ids='plan_event')['plan_hash'] }}"
TIER = "{{ ti.xcom_pull(task_ids='plan_event')['tier'] }}"
OF_THIS_RUN = {"request_id": REQUEST_ID, "attempt": ATTEMPT}
# Runs that wait for a person count as active; with the default of 16 a busy day would stop small events as well.
MAX_ACTIVE_RUNS = 1000


@dag(
    schedule=None,
    doc_md=__doc__,
    default_args=default_args(),
    params=REQUEST_PARAMS,
    max_active_runs=MAX_ACTIVE_RUNS,
    max_active_tasks=MAX_ACTIVE_RUNS,
    tags=[Tag.EVENTS, Tag.APPROVAL, Tag.CUSTOMER, Tag.REST],
)
def event_provisioning() -> None:
    """Wire the run: validate, plan, approve, apply, verify, hand over; undo on any failure."""

    @task
    def validate_request() -> dict[str, Any]:
        return provisioning.receive_request(get_current_context())

    @task
    def plan_event(request: dict[str, Any]) -> dict[str, Any]:
        return provisioning.plan_request(request)

    @task
    def check_decision(request: dict[str, Any], plan: dict[str, Any], answer: dict[str, Any]) -> str:
        return provisioning.decide(request, plan, answer)

    def apply(task_id: str, step: str) -> EventApplyStepOperator:
        return EventApplyStepOperator(task_id=task_id, step=step, plan_hash=PLAN_HASH, **OF_THIS_RUN)

    request = validate_request()
    plan = plan_event(request)
    approve_plan = ApprovePlanOperator(task_id="approve_plan", plan_hash=PLAN_HASH, tier=TIER, **OF_THIS_RUN)
    decision = check_decision(request, plan, approve_plan.output)

    with TaskGroup("configure"):
        create_namespace = apply("create_namespace", "namespace")
        create_schema = apply("create_schema", "schema")
        register_monitoring = apply("register_monitoring", "monitoring")
        register_endpoint = apply("register_endpoint", "endpoint")

    hand_over = apply("hand_over", "handover")
    verify_event = apply("verify_event", "verification")
    confirm_to_customer = apply("confirm_to_customer", "confirmation")

    roll_back = EventRollbackOperator(
        task_id="roll_back",
        reason="a task of run {{ run_id }} failed",
        trigger_rule=TriggerRule.ONE_FAILED,
        retries=5,
        **OF_THIS_RUN,
    )

    plan >> approve_plan
    decision >> [create_namespace, create_schema, register_monitoring] >> register_endpoint
    register_endpoint >> hand_over >> verify_event >> confirm_to_customer

    # The undo is a path of its own: any failure above leads there. A run's state is that of its last tasks, so a run
    # whose undo succeeded, or had nothing to take back, still ends as failed.
    confirm_to_customer >> EmptyOperator(task_id="event_is_ready")
    [plan, approve_plan, decision, create_namespace, create_schema, register_monitoring] >> roll_back
    [register_endpoint, hand_over, verify_event, confirm_to_customer] >> roll_back


event_provisioning()
