"""Provisioning on the whole running stack: three tiers, three ways in, and who may say yes."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.waiting import wait_until
from tests.system.house import DAG_ID, House


def trigger(house: House, username: str, conf: dict[str, object]) -> httpx.Response:
    """Start a run by Airflow's own REST API, as a person with a token does."""
    return house.person(username).post(f"/dags/{DAG_ID}/dagRuns", json={"logical_date": None, "conf": conf})


def run_state(house: House, run_id: str) -> str:
    return str(house.person("admin").get(f"/dags/{DAG_ID}/dagRuns/{run_id}").json()["state"])


def wait_for_run(house: House, run_id: str, state: str) -> None:
    wait_until(lambda: run_state(house, run_id) == state, seconds=120, every=0.5, what=f"{run_id} {state}")


def task_log(house: House, run_id: str, task_id: str) -> str:
    return house.person("admin").get(f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{task_id}/logs/1").text


def test_a_small_event_needs_nobody(house: House) -> None:
    body = house.request(attendees=80, label="small")
    status = house.ended(house.submit(body))
    assert (status["status"], status["tier"]) == ("completed", "small"), status
    assert {step["state"] for step in status["steps"]} == {"done"}
    slug = house.slug(body["request_id"])
    assert status["schema"] == f"event_{slug}"
    found = house.leftovers(slug)  # here: everything that must be there
    for what in (
        "schema event_",
        "role event_",
        "endpoint ",
        "account ",
        "guide of",
        "namespace ",
        "target ",
        "rules ",
    ):
        assert any(entry.startswith(what) for entry in found), (what, found)
    assert httpx.get(status["api_url"], timeout=10).status_code == httpx.codes.UNAUTHORIZED
    assert body["event"]["name"] in httpx.get(status["guide_url"], timeout=10).text


def test_a_medium_event_waits_for_a_manager(house: House) -> None:
    request_id = house.submit(house.request(attendees=250, label="medium"))
    where = house.await_question(request_id)
    assert house.leftovers(house.slug(request_id)) == []
    assert house.person("operator1").answer(**where, option="Approve").status_code == httpx.codes.FORBIDDEN
    assert house.person("manager1").answer(**where, option="Approve").status_code == httpx.codes.OK
    status = house.ended(request_id)
    assert (status["status"], status["tier"]) == ("completed", "medium"), status
    assert [entry["kind"] for entry in status["approvals"]] == ["asked", "answer"]
    seen_by_staff = house.person("operator1").console(f"/api/events/{request_id}").json()["approvals"]
    assert [entry["by"] for entry in seen_by_staff] == [None, "manager1"]


def test_a_large_event_is_no_managers_business(house: House) -> None:
    request_id = house.submit(house.request(attendees=500, label="large"))
    where = house.await_question(request_id)
    assert house.person("manager1").answer(**where, option="Approve").status_code == httpx.codes.FORBIDDEN
    assert house.person("executive1").answer(**where, option="Approve").status_code == httpx.codes.OK
    assert house.ended(request_id)["status"] == "completed"


def test_a_no_changes_nothing(house: House) -> None:
    request_id = house.submit(house.request(attendees=101, label="refused"))
    where = house.await_question(request_id)
    assert house.person("manager2").answer(**where, option="Reject").status_code == httpx.codes.OK
    assert house.ended(request_id)["status"] == "rejected"
    assert house.leftovers(house.slug(request_id)) == []
    wait_for_run(house, where["run_id"], "success")
    assert request_id in house.sandbox_journal("smtp"), "the customer was not told"


def test_nobody_may_approve_the_own_request(house: House) -> None:
    body = house.request(attendees=300, label="own")
    run_id = trigger(house, "manager1", body).json()["dag_run_id"]
    wait_until(lambda: house.find_run(body["request_id"]) == run_id, seconds=60, what="the run to take the request")
    where = house.await_question(body["request_id"])
    assert house.person("manager1").answer(**where, option="Approve").status_code == httpx.codes.FORBIDDEN
    assert house.person("manager2").answer(**where, option="Approve").status_code == httpx.codes.OK
    wait_for_run(house, run_id, "success")


def test_no_answer_expires_and_can_be_resumed(house: House) -> None:
    body = house.request(attendees=200, label="forgotten")
    request_id = house.submit(body)
    house.await_question(request_id)
    status = house.ended(request_id, seconds=180)
    assert status["status"] == "expired"
    kinds = [entry["kind"] for entry in status["approvals"]]
    assert kinds.index("asked") < kinds.index("reminder") < kinds.index("deputy") < kinds.index("expired")
    assert house.leftovers(house.slug(request_id)) == []
    resumed = house.customer.resume(request_id)
    assert resumed.status_code == httpx.codes.ACCEPTED, resumed.text
    where = house.await_question(request_id)
    assert house.person("manager1").answer(**where, option="Approve").status_code == httpx.codes.OK
    assert house.ended(request_id)["status"] == "completed"


def test_twenty_at_once_are_one_event(house: House) -> None:
    body = house.request(label="twenty")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(house.customer.submit, [body] * 20))
    assert {answer.status_code for answer in answers} == {httpx.codes.ACCEPTED}
    assert house.ended(body["request_id"])["status"] == "completed"
    with house.database("airflow") as airflow:
        runs = airflow.execute(
            "SELECT count(*) AS runs FROM dag_run WHERE conf::text LIKE %s", (f"%{body['request_id']}%",)
        ).fetchone()
    assert runs == {"runs": 1}


@pytest.mark.parametrize("missing", ["request_id", "customer", "event"])
def test_airflows_rest_refuses_what_is_missing(house: House, missing: str) -> None:
    body = {name: value for name, value in house.request().items() if name != missing}
    assert trigger(house, "requester1", body).status_code == httpx.codes.BAD_REQUEST


def test_airflows_rest_refuses_wrong_types(house: House) -> None:
    body = house.request()
    body["event"]["gates"] = "two"
    assert trigger(house, "requester1", body).status_code == httpx.codes.BAD_REQUEST


def test_the_first_task_names_every_fault_that_is_left(house: House) -> None:
    body = house.request(label="faulty")
    body["customer"] |= {"email": "nowhere", "phone": "010-1234-5678", "language": "fr"}
    body["event"] |= {"starts_at": "2030-01-01T10:00:00", "expected_attendees": -1, "gates": 0}
    body["colour"] = "blue"
    answer = trigger(house, "requester1", copy.deepcopy(body))
    assert answer.status_code == httpx.codes.OK, answer.text
    run_id = answer.json()["dag_run_id"]
    wait_for_run(house, run_id, "failed")
    log = task_log(house, run_id, "validate_request")
    paths = ("customer.email", "customer.phone", "customer.language", "event.starts_at", "colour")
    for path in (*paths, "event.expected_attendees", "event.gates"):
        assert path in log, path


def test_the_same_request_by_both_ways_is_one_event(house: House) -> None:
    body = house.request(label="twice")
    first = trigger(house, "requester1", body).json()["dag_run_id"]
    wait_for_run(house, first, "success")
    second = trigger(house, "requester1", body).json()["dag_run_id"]
    wait_for_run(house, second, "success")
    assert house.find_run(body["request_id"]) == first
    with house.database("ops") as ops:
        rows = ops.execute(
            "SELECT count(*) AS events FROM ops.event_requests WHERE event_name = %s", (body["event"]["name"],)
        ).fetchone()
    assert rows == {"events": 1}
