"""Every task of the run: killed wherever it happens to be, killed until its tries are used up, failing before
anything is made."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from include.events.slug import slug_for
from tests.support.waiting import wait_until
from tests.system.house import DAG_ID, House

ROUNDS = 4
# `roll_back` is killed in `test_rollback`; the other is a mark that no process carries out.
NOT_TO_KILL = ("roll_back", "event_is_ready")
TASKS = (
    "validate_request",
    "plan_event",
    "approve_plan",
    "check_decision",
    "configure.create_namespace",
    "configure.create_schema",
    "configure.register_monitoring",
    "configure.register_endpoint",
    "hand_over",
    "verify_event",
    "confirm_to_customer",
)
TRIES = 4


def test_these_are_all_tasks(house: House) -> None:
    listed = house.person("admin").get(f"/dags/{DAG_ID}/tasks").json()["tasks"]
    assert sorted(task["task_id"] for task in listed) == sorted((*TASKS, *NOT_TO_KILL))


def test_a_task_killed_anywhere_is_tried_again(house: House) -> None:
    """All at the same time, each in an event of its own; a task that was too fast to be hit gets another event."""
    waiting = list(TASKS)
    for _ in range(ROUNDS):
        requests = {task_id: house.submit(house.request(label="anywhere")) for task_id in waiting}
        with ThreadPoolExecutor(len(requests)) as pool:
            hits = dict(zip(requests, pool.map(lambda item: _kill(house, *item), requests.items()), strict=True))
        ended = {task_id: house.ended(request_id, seconds=300)["status"] for task_id, request_id in requests.items()}
        assert ended == dict.fromkeys(requests, "completed")
        for request_id in requests.values():
            _assert_made_once(house, request_id)
        waiting = [task_id for task_id, hit in hits.items() if not hit]
        if not waiting:
            return
    pytest.fail(f"never caught at work: {waiting}")


def test_a_task_killed_in_every_try_leaves_nothing(house: House) -> None:
    body = house.request(label="everytry")
    slug = slug_for(body["event"]["name"], body["request_id"])
    house.fault(
        service="platform",
        method="PUT",
        path_regex=f"/v1/endpoints/{slug}$",
        delay_seconds=60,
        after=True,
        times=TRIES,
    )
    try:
        request_id = house.submit(body)
        for number in range(1, TRIES + 1):
            wait_until(lambda wanted=number: house.fault_hits() >= wanted, seconds=120, what=f"try {number}")
            assert _kill(house, "configure.register_endpoint", request_id), f"try {number} was over before"
        status = house.ended(request_id, seconds=300)
    finally:
        house.lift_faults()
    assert status["status"] == "rolled_back", status
    assert house.leftovers(slug) == []


def test_a_plan_that_fails_leaves_nothing(house: House) -> None:
    """The platform's DBA takes the one right away that planning needs, and gives it back."""
    with house.database("platform") as platform:
        platform.execute("REVOKE EXECUTE ON FUNCTION platform_ops.past_events FROM ops_provisioner")
        try:
            request_id = house.submit(house.request(label="noplan"))
            status = house.ended(request_id)
        finally:
            platform.execute("GRANT EXECUTE ON FUNCTION platform_ops.past_events TO ops_provisioner")
    assert status["status"] == "rolled_back", status
    assert house.leftovers(house.slug(request_id)) == []
    assert request_id in house.sandbox_journal("smtp"), "nobody was told"


def test_a_question_that_cannot_be_put_leaves_nothing(house: House) -> None:
    with _broken_roster(house):
        request_id = house.submit(house.request(attendees=200, label="noquestion"))
        status = house.ended(request_id)
    assert status["status"] == "rolled_back", status
    assert house.leftovers(house.slug(request_id)) == []


def test_an_answer_that_cannot_be_checked_counts_for_nothing(house: House) -> None:
    request_id = house.submit(house.request(attendees=200, label="nocheck"))
    where = house.await_question(request_id)
    with _broken_roster(house):
        assert house.person("manager1").answer(**where, option="Approve").status_code == httpx.codes.OK
        status = house.ended(request_id)
    assert status["status"] == "rolled_back", status
    assert house.leftovers(house.slug(request_id)) == []


@contextmanager
def _broken_roster(house: House) -> Iterator[None]:
    roster = Path(house.config.extra["PLATFORM_OPS_APPROVERS_FILE"])
    kept = shutil.copy(roster, roster.with_suffix(".kept"))
    roster.write_text("people: nobody\n")
    try:
        yield
    finally:
        Path(kept).replace(roster)


def _kill(house: House, task_id: str, request_id: str) -> bool:
    """Kill the task's process as soon as it runs; return whether it was still there."""
    with house.database("airflow") as airflow:

        def process() -> int | None:
            row = airflow.execute(
                "SELECT pid, state FROM task_instance WHERE run_id = %s AND task_id = %s",
                (house.find_run(request_id), task_id),
            ).fetchone()
            if row is None or row["state"] in (None, "scheduled", "queued", "up_for_retry"):
                return None
            return int(row["pid"]) if row["state"] == "running" and row["pid"] else -1

        pid = wait_until(process, seconds=120, every=0.03, what=f"{task_id} of {request_id} to run") or -1
    if pid > 0:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return True
    return False


def _assert_made_once(house: House, request_id: str) -> None:
    slug = house.slug(request_id)
    with house.database("platform") as platform:
        made = platform.execute(
            "SELECT (SELECT count(*) FROM platform_api.accounts WHERE slug = %(slug)s) AS accounts,"
            " (SELECT count(*) FROM platform_api.endpoints WHERE slug = %(slug)s) AS endpoints",
            {"slug": slug},
        ).fetchone()
    assert made == {"accounts": 1, "endpoints": 1}
