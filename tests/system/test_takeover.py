"""Nobody gets hold of another's request by the id of a run, and a run that was refused says so in one place only."""

from __future__ import annotations

from typing import Any

import httpx

from include.events.run_ids import run_id_for
from tests.support.waiting import wait_until
from tests.system.house import DAG_ID, House


def start(house: House, username: str, conf: dict[str, Any], *, run_id: str | None = None) -> str:
    """Start a run by Airflow's REST API, under an id of one's own if given; return its id."""
    body = {"logical_date": None, "conf": conf} | ({"dag_run_id": run_id} if run_id else {})
    answer = house.person(username).post(f"/dags/{DAG_ID}/dagRuns", json=body)
    assert answer.status_code == httpx.codes.OK, answer.text
    return str(answer.json()["dag_run_id"])


def ended_run(house: House, run_id: str) -> tuple[str, dict[str, str | None]]:
    """Wait for a run's end; return its state and those of its tasks."""
    run = f"/dags/{DAG_ID}/dagRuns/{run_id}"

    def final() -> str | None:
        state = str(house.person("admin").get(run).json()["state"])
        return state if state in ("success", "failed") else None

    state = wait_until(final, seconds=120, every=0.5, what=f"the end of {run_id}") or ""
    tasks = house.person("admin").get(f"{run}/taskInstances").json()["task_instances"]
    return state, {task["task_id"]: task["state"] for task in tasks}


def task_log(house: House, run_id: str, task_id: str) -> str:
    return house.person("admin").get(f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{task_id}/logs/1").text


def test_a_run_under_the_id_that_the_engine_will_want_does_not_get_the_request(house: House) -> None:
    wanted, foreign = house.request(label="wanted"), house.request(label="foreign")
    taken = start(house, "requester1", foreign, run_id=run_id_for(wanted["request_id"], 1))
    state, tasks = ended_run(house, taken)
    assert (state, tasks["validate_request"], tasks["roll_back"]) == ("failed", "failed", "skipped")
    assert "only the engine" in task_log(house, taken, "validate_request")

    status = house.ended(house.submit(wanted))

    assert status["status"] == "completed", status
    assert house.find_run(wanted["request_id"]) == run_id_for(wanted["request_id"], 1, choice=2)
    assert house.find_run(foreign["request_id"]) is None


def test_a_refused_request_is_one_red_task_and_nothing_is_undone(house: House) -> None:
    run_id = start(house, "requester1", house.request(label="refused", gates=0))
    state, tasks = ended_run(house, run_id)
    assert state == "failed"
    assert [task_id for task_id, task in tasks.items() if task == "failed"] == ["validate_request"]
    assert tasks["roll_back"] == "skipped"
    assert "nothing to take back" in task_log(house, run_id, "roll_back")


def test_a_run_whose_undo_succeeded_has_failed_all_the_same(house: House) -> None:
    body = house.request(label="undone")
    house.fault(service="platform", method="POST", path_regex="/v1/accounts$", status=400)
    try:
        status = house.ended(house.submit(body))
    finally:
        house.lift_faults()
    assert status["status"] == "rolled_back", status
    state, tasks = ended_run(house, str(house.find_run(body["request_id"])))
    assert (state, tasks["roll_back"]) == ("failed", "success")


def test_a_request_whose_run_was_deleted_while_it_waited_for_an_answer_is_brought_to_an_end(house: House) -> None:
    request_id = house.submit(house.request(attendees=200, label="deleted"))
    where = house.await_question(request_id)
    with house.database("airflow") as airflow:
        airflow.execute("UPDATE dag_run SET state = 'failed' WHERE run_id = %s", (where["run_id"],))
    with house.database("ops") as ops:  # as if it had been idle for long enough
        ops.execute("ALTER TABLE ops.event_requests DISABLE TRIGGER touch_updated_at")
        ops.execute(
            "UPDATE ops.event_requests SET updated_at = now() - interval '1 hour' WHERE request_id = %s", (request_id,)
        )
        ops.execute("ALTER TABLE ops.event_requests ENABLE TRIGGER touch_updated_at")
    answer = house.person("admin").post("/dags/event_reconcile/dagRuns", json={"logical_date": None, "conf": {}})
    assert answer.status_code == httpx.codes.OK, answer.text
    assert house.ended(request_id)["status"] == "rolled_back"
