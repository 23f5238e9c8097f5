"""Decommission, restore and purge on the whole running stack: asked, answered, killed in the middle, brought back."""

from __future__ import annotations

import os
import signal
from typing import Any

import httpx
import pytest

from tests.support.waiting import wait_until
from tests.system.house import SETTLED_SECONDS, House

TASK = "approve_take_down"


def trigger(house: House, dag_id: str, *, by: str = "operator1", **conf: Any) -> str:
    """Start a run and return its id."""
    answer = house.person(by).post(f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf})
    assert answer.status_code == httpx.codes.OK, answer.text
    return str(answer.json()["dag_run_id"])


def wait_for_run(house: House, dag_id: str, run_id: str, *, seconds: float = 240) -> str:
    """Wait for a run's end and return its state."""

    def ended() -> str | None:
        state = str(house.person("admin").get(f"/dags/{dag_id}/dagRuns/{run_id}").json()["state"])
        return state if state in ("success", "failed") else None

    return wait_until(ended, seconds=seconds, every=0.5, what=f"the end of {run_id}") or ""


def answer(house: House, run_id: str, *, by: str, option: str = "Approve") -> httpx.Response:
    """Answer as soon as the question has been waiting for a moment."""

    def waiting() -> bool:
        with house.database("airflow") as airflow:
            row = airflow.execute(
                "SELECT 1 FROM task_instance WHERE run_id = %s AND task_id = %s AND state = 'awaiting_input'"
                " AND updated_at < now() - make_interval(secs => %s)",
                (run_id, TASK, SETTLED_SECONDS),
            ).fetchone()
        return row is not None

    wait_until(waiting, seconds=120, every=0.5, what=f"the question of {run_id}")
    return house.person(by).answer(dag_id="event_decommission", run_id=run_id, task_id=TASK, option=option)


def status_of(house: House, request_id: str) -> str:
    with house.database("ops") as ops:
        row = ops.execute("SELECT status FROM ops.event_requests WHERE request_id = %s", (request_id,)).fetchone()
    assert row is not None
    return str(row["status"])


def mail_to_operators(house: House) -> str:
    """Return all that was mailed to the operators."""
    listed = httpx.get(
        f"{house.sandbox}/mail/api/messages", params={"to": "platform-ops@example.com"}, timeout=10
    ).json()["messages"]
    return "".join(httpx.get(f"{house.sandbox}/mail/api/messages/{mail['id']}", timeout=10).text for mail in listed)


@pytest.fixture
def live(house: House) -> str:
    """A live event of its own."""
    request_id = house.submit(house.request(label="ending"))
    assert house.ended(request_id)["status"] == "completed"
    return request_id


def test_a_run_without_a_word_about_it_only_looks(house: House, live: str) -> None:
    run_id = trigger(house, "event_decommission", request_id=live, reason="over")
    assert wait_for_run(house, "event_decommission", run_id) == "success"
    assert status_of(house, live) == "completed"
    log = house.person("admin").get(f"/dags/event_decommission/dagRuns/{run_id}/taskInstances/plan_decommission/logs/1")
    assert "Take down ending" in log.text


def test_taken_down_by_two_people_and_brought_back(house: House, live: str) -> None:
    slug = house.slug(live)
    run_id = trigger(house, "event_decommission", by="manager1", request_id=live, reason="over", dry_run=False)
    assert answer(house, run_id, by="manager1").status_code == httpx.codes.FORBIDDEN
    assert answer(house, run_id, by="operator1").status_code == httpx.codes.FORBIDDEN
    assert answer(house, run_id, by="manager2").status_code == httpx.codes.OK
    assert wait_for_run(house, "event_decommission", run_id) == "success"
    assert status_of(house, live) == "decommissioned"
    assert house.leftovers(slug) == []

    purge = trigger(house, "event_purge")
    assert wait_for_run(house, "event_purge", purge) == "success"
    assert status_of(house, live) == "decommissioned", "a run by hand only looks, and the grace is not over"

    back = trigger(house, "event_restore", request_id=live, reason="a mistake")
    assert wait_for_run(house, "event_restore", back) == "success"
    assert status_of(house, live) == "completed"
    assert httpx.get(house.customer.status(live)["guide_url"], timeout=10).status_code == httpx.codes.OK


def test_a_no_leaves_the_event_alone(house: House, live: str) -> None:
    run_id = trigger(house, "event_decommission", request_id=live, reason="over", dry_run=False)
    assert answer(house, run_id, by="executive1", option="Reject").status_code == httpx.codes.OK
    assert wait_for_run(house, "event_decommission", run_id) == "success"
    assert status_of(house, live) == "completed"
    assert house.leftovers(house.slug(live)) != []


def test_a_take_down_killed_in_the_middle_is_tried_again(house: House, live: str) -> None:
    slug = house.slug(live)
    house.fault(
        service="platform", method="DELETE", path_regex=f"/v1/endpoints/{slug}$", delay_seconds=30, after=True, times=1
    )
    try:
        run_id = trigger(house, "event_decommission", request_id=live, reason="over", dry_run=False)
        assert answer(house, run_id, by="manager1").status_code == httpx.codes.OK

        def held() -> int | None:
            with house.database("airflow") as airflow:
                row = airflow.execute(
                    "SELECT pid FROM task_instance WHERE run_id = %s AND task_id = 'take_down' AND state = 'running'"
                    " AND pid IS NOT NULL",
                    (run_id,),
                ).fetchone()
            return int(row["pid"]) if row and house.fault_hits() else None

        pid = wait_until(held, seconds=120, every=0.1, what="take_down in the middle of its call")
        assert pid
        os.kill(pid, signal.SIGKILL)
        assert wait_for_run(house, "event_decommission", run_id, seconds=300) == "success"
    finally:
        house.lift_faults()
    assert status_of(house, live) == "decommissioned"
    assert house.leftovers(slug) == []


def test_what_is_not_live_is_refused_at_once(house: House) -> None:
    run_id = trigger(house, "event_decommission", request_id="no-such-event", reason="over", dry_run=False)
    assert wait_for_run(house, "event_decommission", run_id) == "failed"

    def told() -> bool:
        return run_id in mail_to_operators(house) and run_id in house.sandbox_journal("slack")

    wait_until(told, seconds=60, every=0.5, what="the operators to be told")


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_blank_reason_is_refused_at_the_door(house: House, reason: str) -> None:
    for dag_id in ("event_decommission", "event_restore"):
        conf = {"request_id": "any", "reason": reason}
        answer = house.person("operator1").post(f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf})
        assert answer.status_code == httpx.codes.BAD_REQUEST, answer.text
