"""Fail every step in turn, with an error and with SIGKILL: nothing of the event is left, and everybody is told.

The faults come from outside: the sandbox refuses or loses answers, PostgreSQL refuses DDL, a file is in the way,
processes are killed. All events of a group run at the same time, each with a fault that hits only itself.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psutil
import pytest
from psycopg import sql

from include.events.slug import slug_for
from tests.support.waiting import wait_until
from tests.system.house import REFUSED_BY_PROMTOOL, House

Body = dict[str, Any]
Break = Callable[[House, Body, str], Any]


def _namespace_refused(house: House, _: Body, slug: str) -> None:
    house.fault(
        service="kubernetes", method="POST", path_regex=f"event-{slug.replace('_', '-')}/resourcequotas", status=403
    )


def _namespace_answer_lost(house: House, _: Body, slug: str) -> None:
    path = f"event-{slug.replace('_', '-')}/networkpolicies"
    house.fault(service="kubernetes", method="POST", path_regex=path, status=500, after=True)


@contextmanager
def _schema_refused(house: House, _: Body, slug: str) -> Iterator[None]:
    """PostgreSQL itself refuses the last DDL of this one schema."""
    name = sql.Identifier(f"refuse_{slug}")
    body = sql.SQL(
        "BEGIN IF EXISTS (SELECT 1 FROM pg_event_trigger_ddl_commands()"
        " WHERE object_type = 'index' AND schema_name = {}) THEN RAISE 'refused by the test'; END IF; END"
    ).format(sql.Literal(f"event_{slug}"))
    with house.database("platform") as platform:
        function = "CREATE FUNCTION {}() RETURNS event_trigger LANGUAGE plpgsql AS {}"
        platform.execute(sql.SQL(function).format(name, sql.Literal(body.as_string(platform))))
        create = "CREATE EVENT TRIGGER {0} ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION {0}()"
        platform.execute(sql.SQL(create).format(name))
    try:
        yield
    finally:
        with house.database("platform") as platform:
            platform.execute(sql.SQL("DROP EVENT TRIGGER {}").format(name))
            platform.execute(sql.SQL("DROP FUNCTION {}()").format(name))


def _endpoint_refused(house: House, _: Body, slug: str) -> None:
    house.fault(service="platform", method="PUT", path_regex=f"/v1/endpoints/{slug}$", status=403)


def _endpoint_answer_lost(house: House, _: Body, slug: str) -> None:
    house.fault(service="platform", method="PUT", path_regex=f"/v1/endpoints/{slug}$", status=502, after=True)


def _rules_refused(_: House, body: Body, slug: str) -> None:
    """Nothing to do here: the promtool of this stack refuses the rules of events of that name."""
    assert REFUSED_BY_PROMTOOL in slug, body["event"]["name"]


def _endpoint_does_not_answer(house: House, _: Body, slug: str) -> None:
    house.fault(service="platform", method="GET", path_regex=f"/platform/events/{slug}$", status=500)


def _mailbox_refused(house: House, body: Body, _: str) -> None:
    house.fault(service="smtp", method="RCPT", path_regex=re.escape(body["customer"]["email"]), status=550)


FAULTS: dict[str, Break] = {
    "namespace-refused": _namespace_refused,
    "namespace-answer-lost": _namespace_answer_lost,
    "schema-refused": _schema_refused,
    "endpoint-refused": _endpoint_refused,
    "endpoint-answer-lost": _endpoint_answer_lost,
    REFUSED_BY_PROMTOOL: _rules_refused,
    "verification-no-answer": _endpoint_does_not_answer,
    "confirmation-refused": _mailbox_refused,
}


def test_an_error_in_any_step_leaves_nothing(house: House) -> None:
    with ExitStack() as stack:
        stack.callback(house.lift_faults)
        events = {}
        for name, break_it in FAULTS.items():
            body = house.request(label=name)
            slug = slug_for(body["event"]["name"], body["request_id"])
            if (lasting := break_it(house, body, slug)) is not None:
                stack.enter_context(lasting)
            events[name] = (house.submit(body), slug)
        ended = {name: house.ended(request_id, seconds=600) for name, (request_id, _) in events.items()}
    assert {name: status["status"] for name, status in ended.items()} == dict.fromkeys(FAULTS, "rolled_back")
    assert {name: house.leftovers(slug) for name, (_, slug) in events.items()} == {name: [] for name in FAULTS}
    told = house.sandbox_journal("smtp")
    for name, (request_id, _) in events.items():
        assert told.count(request_id) >= 1, f"nobody was told that {name} failed"


@pytest.mark.parametrize(
    ("service", "path"), [("platform", "/v1/accounts$"), ("platform", "/handover$"), ("twilio", "/Messages.json$")]
)
def test_an_error_while_handing_over_leaves_nothing(house: House, service: str, path: str) -> None:
    house.fault(service=service, method="POST", path_regex=path, status=400)
    try:
        body = house.request(label="handover")
        status = house.ended(house.submit(body))
    finally:
        house.lift_faults()
    assert status["status"] == "rolled_back", status
    assert house.leftovers(house.slug(body["request_id"])) == []


TASKS = (
    ("create_namespace", "kubernetes", "POST", "/api/v1/namespaces$"),
    ("register_endpoint", "platform", "PUT", "/v1/endpoints/{slug}$"),
    ("verify_event", "platform", "GET", "/platform/events/{slug}$"),
    ("hand_over", "platform", "POST", "/v1/accounts$"),
    ("confirm_to_customer", "twilio", "POST", "/Messages.json$"),
)


@pytest.mark.parametrize(("task_id", "service", "method", "path"), TASKS, ids=[task[0] for task in TASKS])
def test_a_task_killed_in_the_middle_is_tried_again(
    house: House, task_id: str, service: str, method: str, path: str
) -> None:
    """The process dies while its call is on its way and is done all the same: the retry must find what it left."""
    body = house.request(label="killed")
    slug = slug_for(body["event"]["name"], body["request_id"])
    house.fault(
        service=service, method=method, path_regex=path.format(slug=slug), delay_seconds=30, after=True, times=1
    )
    try:
        request_id = house.submit(body)
        _kill_task(house, request_id, task_id)
        status = house.ended(request_id, seconds=300)
    finally:
        house.lift_faults()
    assert status["status"] == "completed", status
    with house.database("platform") as platform:
        accounts = platform.execute(
            "SELECT count(*) AS accounts FROM platform_api.accounts WHERE slug = %s", (slug,)
        ).fetchone()
    assert accounts == {"accounts": 1}


def test_a_killed_worker_process_is_noticed_and_its_task_tried_again(house: House) -> None:
    """Here the worker dies with its task, so that nobody reports it: only the missing heartbeat tells."""
    body = house.request(label="orphan")
    slug = slug_for(body["event"]["name"], body["request_id"])
    house.fault(service="platform", method="PUT", path_regex=f"/v1/endpoints/{slug}$", delay_seconds=60, times=1)
    try:
        request_id = house.submit(body)
        task = _task_process(house, request_id, "register_endpoint")
        worker = psutil.Process(task).parent()
        assert worker is not None
        for pid in (worker.pid, task):
            os.kill(pid, signal.SIGKILL)
        status = house.ended(request_id, seconds=300)
    finally:
        house.lift_faults()
    assert status["status"] == "completed", status


def test_an_undo_killed_in_the_middle_goes_on(house: House) -> None:
    body = house.request(label="undo")
    slug = slug_for(body["event"]["name"], body["request_id"])
    _endpoint_does_not_answer(house, body, slug)
    house.fault(service="platform", method="DELETE", path_regex=f"/v1/endpoints/{slug}$", delay_seconds=30, times=1)
    try:
        request_id = house.submit(body)
        _kill_task(house, request_id, "roll_back")
        status = house.ended(request_id, seconds=300)
    finally:
        house.lift_faults()
    assert status["status"] == "rolled_back", status
    assert house.leftovers(slug) == []


def _kill_task(house: House, request_id: str, task_id: str) -> None:
    os.kill(_task_process(house, request_id, task_id), signal.SIGKILL)


def _task_process(house: House, request_id: str, task_id: str) -> int:
    """Wait until the sandbox holds a call of the task, and return the task's process id."""

    def held() -> int | None:
        with house.database("airflow") as airflow:
            row = airflow.execute(
                "SELECT pid FROM task_instance WHERE run_id = %s AND task_id LIKE %s AND state = 'running'"
                " AND pid IS NOT NULL",
                (house.find_run(request_id), f"%{task_id}"),
            ).fetchone()
        return int(row["pid"]) if row and house.fault_hits() else None

    return wait_until(held, seconds=180, every=0.1, what=f"{task_id} of {request_id} in the middle of its call") or 0
