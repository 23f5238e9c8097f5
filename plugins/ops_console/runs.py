"""Starting DAG runs in the name of the person who clicked, through Airflow's own API and with their own token."""

from __future__ import annotations

import re
from typing import Any

import httpx

from include.common.clock import utc_now
from include.settings import get_settings
from ops_console.callers import Caller
from ops_console.errors import AirflowRefused, NotAuthenticated, Unavailable
from ops_console.views import RunView

PROVISIONING_DAG = "event_provisioning"
APPROVAL_TASK = "approve_plan"
DAG_OF_ACTION = {"decommission": "event_decommission", "restore": "event_restore"}
TIMEOUT_SECONDS = 15


def start_action(caller: Caller, *, action: str, request_id: str, reason: str) -> RunView:
    """Start the DAG that takes an event down ("decommission") or brings it back ("restore"), in earnest.

    Raises AirflowRefused with Airflow's status when it does not take it, Unavailable when it does not answer.
    """
    if caller.airflow_token is None:
        raise NotAuthenticated("this takes an Airflow log-in")
    dag_id = DAG_OF_ACTION[action]
    run_id = f"{action}__{request_id}__{utc_now():%Y%m%dT%H%M%S}"
    body = {
        "dag_run_id": run_id,
        "logical_date": None,
        "conf": {"request_id": request_id, "reason": reason, "dry_run": False},
        "note": reason,
    }
    address = f"{get_settings().airflow_url}/api/v2/dags/{dag_id}/dagRuns"
    try:
        answer = httpx.post(
            address, json=body, headers={"Authorization": f"Bearer {caller.airflow_token}"}, timeout=TIMEOUT_SECONDS
        )
    except httpx.TransportError as error:
        raise Unavailable("Airflow's API does not answer; try again shortly", headers={"Retry-After": "5"}) from error
    if not answer.is_success:
        raise AirflowRefused(_explain(answer), status_code=answer.status_code)
    return RunView(dag_id=dag_id, dag_run_id=run_id, state=_state(answer), run_url=run_url(dag_id, run_id))


def run_url(dag_id: str, run_id: str) -> str:
    """Return the run's page in Airflow's UI."""
    return f"{get_settings().public_url}/dags/{dag_id}/runs/{run_id}"


def approval_url(run_id: str | None) -> str:
    """Return where Airflow asks for the decision about an event; a request without a run: where it asks for all."""
    if run_id is None:
        return f"{get_settings().public_url}/required_actions"
    return f"{run_url(PROVISIONING_DAG, run_id)}/tasks/{APPROVAL_TASK}/required_actions"


def _state(answer: httpx.Response) -> str:
    return str(answer.json().get("state", "queued"))


def _explain(answer: httpx.Response) -> str:
    """Return Airflow's own reason, cut short; it may be a sentence, an object or no JSON at all."""
    try:
        detail: Any = answer.json().get("detail", "")
    except (ValueError, AttributeError):
        detail = ""
    reason = re.sub(r"\s+", " ", str(detail))[:300]
    return f"Airflow refused the run ({answer.status_code}): {reason or answer.reason_phrase}"
