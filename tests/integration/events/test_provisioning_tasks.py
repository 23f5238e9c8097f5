"""Which request a run of `event_provisioning` works for, and which runs nobody has to wait for any more."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.events import intake
from include.events.errors import InvalidRequest, ReservedRunId, StaleAttempt
from include.events.run_ids import run_id_for
from include.settings import get_settings
from platform_ops import provisioning, reconcile
from platform_ops.operators.events import EventRollbackOperator
from tests.support.databases import Database
from tests.support.events import NOW, request_body, row_of

ENGINE = "engine-account"


@pytest.fixture
def conn(ops_db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    """A session in the database that Airflow's connection leads to."""
    monkeypatch.setenv("AIRFLOW_CONN_OPS_DB", ops_db.airflow_uri("ops_tasks"))
    monkeypatch.setenv("PLATFORM_OPS_AIRFLOW_USERNAME", ENGINE)
    get_settings.cache_clear()
    with ops_db.connect(autocommit=True) as connection:
        yield connection
    get_settings.cache_clear()


def context(run_id: str, conf: dict[str, Any], *, by: str = ENGINE, alive: tuple[str, ...] = ()) -> Any:
    """Return a task's context in an Airflow in which some runs are at work."""

    def get_dr_count(*, dag_id: str, run_ids: list[str], states: list[str]) -> int:
        assert (dag_id, states) == ("event_provisioning", ["queued", "running"])
        return sum(run_id in alive for run_id in run_ids)

    run = SimpleNamespace(run_id=run_id, conf=conf, triggering_user_name=by)
    return {"dag_run": run, "run_id": run_id, "ti": SimpleNamespace(get_dr_count=get_dr_count)}


def take(conn: psycopg.Connection[Any]) -> dict[str, Any]:
    body = request_body()
    intake.receive(conn, body, identity=intake.Identity.user("requester1"), source="form", now=NOW)
    return body


def test_the_engines_run_works_for_its_request(conn: psycopg.Connection[Any]) -> None:
    body = take(conn)
    run_id = run_id_for(body["request_id"], 1, choice=2)
    received = provisioning.receive_request(context(run_id, body))
    assert received == {"request_id": body["request_id"], "attempt": 1}
    assert row_of(conn, body["request_id"])["dag_run_id"] == run_id
    with pytest.raises(StaleAttempt):
        provisioning.receive_request(context(run_id_for(body["request_id"], 1), body))


def test_nobody_else_may_give_a_run_such_an_id(conn: psycopg.Connection[Any]) -> None:
    waiting, own = take(conn), request_body()
    run = context(run_id_for(waiting["request_id"], 1), own, by="requester1")
    with pytest.raises(ReservedRunId, match="only the engine"):
        provisioning.receive_request(run)
    with pytest.raises(AirflowSkipException, match="refused for its id"):
        provisioning.find_claimed(run)
    assert row_of(conn, waiting["request_id"])["dag_run_id"] is None
    assert row_of(conn, own["request_id"]) is None


def roll_back(run: Any) -> list[str]:
    """Execute the undo as it is when the first task left no word."""
    operator = EventRollbackOperator(task_id="roll_back", request_id="", attempt="", reason="a task failed")
    return operator.execute(run)


def test_a_run_that_was_refused_has_nothing_to_take_back(conn: psycopg.Connection[Any]) -> None:
    run = context("manual__1", request_body(gates=0), by="requester1")
    with pytest.raises(InvalidRequest):
        provisioning.receive_request(run)
    with pytest.raises(AirflowSkipException, match="no request was taken in by run manual__1"):
        roll_back(run)


def test_a_request_that_was_claimed_is_found_by_its_run(conn: psycopg.Connection[Any]) -> None:
    """The first task died after it had bound the request to its run."""
    run = context("manual__1", request_body(), by="requester1")
    received = provisioning.receive_request(run)
    assert provisioning.find_claimed(run) == received


@pytest.mark.parametrize("status", ["completed", "expired", "decommissioned"])
def test_what_came_to_another_end_is_not_taken_back(conn: psycopg.Connection[Any], status: str) -> None:
    run = context("manual__1", request_body(), by="requester1")
    provisioning.receive_request(run)
    conn.execute("UPDATE ops.event_requests SET status = %s", (status,))
    with pytest.raises(AirflowSkipException, match=f"is {status}"):
        roll_back(run)


@pytest.mark.parametrize("status", ["received", "planned", "awaiting_approval", "approved", "configuring", "invalid"])
def test_a_request_is_abandoned_when_its_run_is_over(
    conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    monkeypatch.setattr(reconcile, "IDLE_SECONDS", 0)
    run = context("manual__1", request_body(), by="requester1")
    request_id = provisioning.receive_request(run)["request_id"]
    conn.execute("UPDATE ops.event_requests SET status = %s, finished_at = now()", (status,))
    assert reconcile.find_abandoned(context("scheduled__1", {}, alive=("manual__1",))) == []
    (found,) = reconcile.find_abandoned(context("scheduled__1", {}))
    assert found == {"request_id": request_id, "attempt": "1", "reason": f"its run is over: {status}"}


def test_a_request_that_airflow_refused_is_found_although_it_never_had_a_run(
    conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "IDLE_SECONDS", 0)
    body = take(conn)
    assert reconcile.find_abandoned(context("scheduled__1", {})) == []
    conn.execute("UPDATE ops.event_requests SET status = 'invalid', finished_at = now()")
    assert [found["request_id"] for found in reconcile.find_abandoned(context("scheduled__1", {}))] == [
        body["request_id"]
    ]
    conn.execute(
        "INSERT INTO ops.event_effects (request_id, effect_key, state) VALUES (%s, 'not_approved:customer:1', 'sent')",
        (body["request_id"],),
    )
    assert reconcile.find_abandoned(context("scheduled__1", {})) == []
