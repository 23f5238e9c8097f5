"""Following, listing, resuming and taking down: who sees what, and what is refused."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from tests.plugins.ops_console.conftest import AS_OPERATOR, issue_key, request_body
from tests.support.databases import Database

AS_REQUESTER = {"Authorization": "Bearer requester1"}
ANSWERED = {"at": "2030-01-01T00:00:00+00:00", "kind": "answer", "by": "manager1", "option": "Approve", "reason": "ok"}


def update(ops_db: Database, request_id: str = "req-1", **columns: Any) -> None:
    """Bring a request into a state; dictionaries and lists become JSON."""
    values = {name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in columns.items()}
    with ops_db.connect(autocommit=True) as conn:
        for name, value in values.items():
            conn.execute(f"UPDATE ops.event_requests SET {name} = %s WHERE request_id = %s", (value, request_id))  # noqa: S608


@pytest.fixture
def event(console: TestClient, with_key: dict[str, str]) -> str:
    """A request of the customer `acme`."""
    assert console.post("/api/events", json=request_body(), headers=with_key).status_code == 202
    return "req-1"


def test_shows_everything_that_was_made(
    console: TestClient, with_key: dict[str, str], event: str, ops_db: Database
) -> None:
    result = {"schema": "event_x", "api_url": "http://api/x", "prometheus_target": "api:80", "guide_url": "http://g"}
    update(ops_db, status="completed", tier="small", result=result, approvals=[ANSWERED])
    with ops_db.connect(autocommit=True) as conn:
        conn.execute(
            "UPDATE ops.event_requests SET finished_at = received_at + interval '12 seconds';"
            "INSERT INTO ops.event_steps (request_id, attempt, step, state, finished_at)"
            " VALUES ('req-1', 1, 'schema', 'done', now() + interval '2 seconds')"
        )

    shown = console.get(f"/api/events/{event}", headers=with_key).json()

    assert {name: shown[name] for name in result} == result
    assert (shown["status"], shown["tier"], shown["duration_seconds"]) == ("completed", "small", 12.0)
    assert [(step["name"], step["state"], step["duration_seconds"]) for step in shown["steps"]] == [
        ("schema", "done", 2.0)
    ]


def test_steps_are_those_of_the_current_attempt(
    console: TestClient, with_key: dict[str, str], event: str, ops_db: Database
) -> None:
    update(ops_db, attempt=2)
    with ops_db.connect(autocommit=True) as conn:
        conn.execute(
            "INSERT INTO ops.event_steps (request_id, attempt, step, state)"
            " VALUES ('req-1', 1, 'schema', 'undone'), ('req-1', 2, 'namespace', 'running')"
        )

    shown = console.get(f"/api/events/{event}", headers=with_key).json()

    assert [step["name"] for step in shown["steps"]] == ["namespace"]


def test_customers_do_not_see_who_decided_nor_what_broke_inside(
    console: TestClient, with_key: dict[str, str], event: str, ops_db: Database
) -> None:
    error = {"step": "schema", "type": "OperationalError", "message": "connection to 10.0.0.5 refused"}
    update(ops_db, status="rolled_back", approvals=[ANSWERED | {"asked": ["manager1"]}], error=error)

    for_customer = console.get(f"/api/events/{event}", headers=with_key)
    for_staff = console.get(f"/api/events/{event}", headers=AS_OPERATOR)

    assert "manager1" not in for_customer.text
    assert "10.0.0.5" not in for_customer.text
    assert for_staff.json()["approvals"][0]["by"] == "manager1"
    assert "10.0.0.5" in for_staff.json()["error"]["message"]


def test_faults_are_shown_to_the_customer(
    console: TestClient, with_key: dict[str, str], event: str, ops_db: Database
) -> None:
    faults = [{"path": "event.starts_at", "message": "is in the past"}]
    update(ops_db, status="invalid", error={"step": "plan", "type": "InvalidRequest", "message": "x", "faults": faults})

    assert console.get(f"/api/events/{event}", headers=with_key).json()["error"]["faults"] == faults


@pytest.mark.parametrize("action", ["", "/resume"])
def test_another_customers_event_is_not_there(console: TestClient, event: str, ops_db: Database, action: str) -> None:
    other = {"X-API-Key": issue_key(ops_db, "other")}
    update(ops_db, status="expired")

    answer = console.request("POST" if action else "GET", f"/api/events/{event}{action}", headers=other)
    unknown = console.request("POST" if action else "GET", f"/api/events/unknown{action}", headers=other)

    assert (answer.status_code, unknown.status_code) == (404, 404)
    assert answer.json()["detail"]["message"].replace("req-1", "unknown") == unknown.json()["detail"]["message"]


def test_requesters_see_their_own_and_staff_sees_all(console: TestClient, event: str) -> None:
    own = request_body("req-2", name="Something Else Entirely")
    assert console.post("/api/events", json=own, headers=AS_REQUESTER).status_code == 202

    def listed(headers: dict[str, str]) -> list[str]:
        return [one["request_id"] for one in console.get("/api/events", headers=headers).json()["events"]]

    assert listed(AS_REQUESTER) == ["req-2"]
    assert listed({"Authorization": "Bearer requester2"}) == []
    assert listed(AS_OPERATOR) == ["req-2", "req-1"]
    assert console.get(f"/api/events/{event}", headers=AS_REQUESTER).status_code == 404


@pytest.fixture
def many(ops_db: Database) -> None:
    """Seven requests, an hour apart, the last one the newest; two share their instant."""
    with ops_db.connect(autocommit=True) as conn:
        conn.execute(
            "INSERT INTO ops.event_requests (request_id, body, body_hash, source, requester, customer_email,"
            " event_name, starts_at, ends_at, expected_attendees, slug, status, tier, received_at)"
            " SELECT 'r' || n, %s::jsonb, 'x', 'api', 'user:operator1', 'c' || n %% 2 || '@example.com',"
            " 'Event 100%% ' || n, now(), now() + interval '1 h', 80, 'slug_' || n,"
            " CASE WHEN n > 4 THEN 'completed' ELSE 'expired' END, 'small',"
            " timestamptz '2030-01-01 00:00+00' + least(n, 6) * interval '1 h' FROM generate_series(1, 7) AS n",
            (json.dumps(request_body()),),
        )


def ids(console: TestClient, query: str) -> list[str]:
    return [event["request_id"] for event in console.get(f"/api/events?{query}", headers=AS_OPERATOR).json()["events"]]


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=expired", ["r4", "r3", "r2", "r1"]),
        ("status=expired&status=completed&limit=2", ["r7", "r6"]),
        ("customer=C0@example.com", ["r6", "r4", "r2"]),
        ("tier=large", []),
        ("q=EVENT 100%25 3", ["r3"]),
        ("q=slug_5", ["r5"]),
        ("q=%25", ["r7", "r6", "r5", "r4", "r3", "r2", "r1"]),
        ("q=_", ["r7", "r6", "r5", "r4", "r3", "r2", "r1"]),
        ("from=2030-01-01T02:00:00Z&to=2030-01-01T13:00:00%2B09:00", ["r3", "r2"]),
    ],
)
def test_filters(console: TestClient, query: str, expected: list[str]) -> None:
    assert ids(console, query) == expected


@pytest.mark.usefixtures("many")
def test_pages_follow_each_other_without_gap_or_repetition(console: TestClient, ops_db: Database) -> None:
    seen: list[str] = []
    cursor = ""
    while True:
        page = console.get(f"/api/events?limit=3&cursor={cursor}", headers=AS_OPERATOR).json()
        seen += [event["request_id"] for event in page["events"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
        with ops_db.connect(autocommit=True) as conn:
            conn.execute("UPDATE ops.event_requests SET updated_at = now()")

    assert seen == ["r7", "r6", "r5", "r4", "r3", "r2", "r1"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=x",
        "tier=huge",
        "from=yesterday",
        "from=2030-01-01T00:00:00",
        "cursor=x",
        "cursor=MjAzMCB4",
        "cursor=%ED%95%9C",
        f"q={'x' * 201}",
    ],
)
def test_a_faulty_address_is_refused_with_its_fault(console: TestClient, query: str) -> None:
    answer = console.get(f"/api/events?{query}", headers=AS_OPERATOR)

    assert answer.status_code == 422
    assert answer.json()["detail"]["faults"]


@pytest.mark.parametrize("path", ["/api/events?q=a%00b", "/api/events/a%00b", "/ratings/a%00b", "/guides/%00"])
def test_a_nul_in_an_address_is_refused(console: TestClient, path: str) -> None:
    assert console.get(path, headers=AS_OPERATOR).status_code == 400


@pytest.mark.parametrize("status", ["expired", "rolled_back"])
def test_takes_a_request_up_again(
    console: TestClient, with_key: dict[str, str], event: str, ops_db: Database, status: str
) -> None:
    update(ops_db, status=status, dag_run_id="old")
    assert console.get(f"/api/events/{event}", headers=with_key).json()["can_resume"] is True

    answer = console.post(f"/api/events/{event}/resume", headers=with_key)

    assert (answer.status_code, answer.json()["status"], answer.json()["attempt"]) == (202, "received", 2)
    assert answer.headers["location"] == "/api/events/req-1"


@pytest.mark.parametrize("status", ["completed", "rejected", "configuring", "purged"])
def test_does_not_take_up_what_is_not_over_or_was_refused(
    console: TestClient, with_key: dict[str, str], event: str, ops_db: Database, status: str
) -> None:
    update(ops_db, status=status)

    answer = console.post(f"/api/events/{event}/resume", headers=with_key)

    assert (answer.status_code, answer.json()["detail"]["code"]) == (409, "not_resumable")


def test_does_not_take_up_an_event_that_should_have_begun(
    console: TestClient, with_key: dict[str, str], event: str, ops_db: Database
) -> None:
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    update(ops_db, status="expired", body=request_body(starts_at=past))

    answer = console.post(f"/api/events/{event}/resume", headers=with_key)

    assert answer.status_code == 422
    assert answer.json()["detail"]["faults"][0]["path"] == "event.starts_at"


class Airflow:
    """Stands at the place of Airflow's API and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.answer = httpx.Response(200, json={"state": "queued"})

    def post(self, url: str, **arguments: Any) -> httpx.Response:
        timeout = arguments.pop("timeout")
        assert timeout
        self.asked.append(httpx.Request("POST", url, **arguments))
        return self.answer


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    """Airflow's API."""
    stand_in = Airflow()
    monkeypatch.setattr("ops_console.runs.httpx.post", stand_in.post)
    return stand_in  # type: ignore[return-value]


@pytest.mark.parametrize(("action", "status"), [("decommission", "completed"), ("restore", "decommissioned")])
def test_starts_the_run_in_the_callers_own_name(
    console: TestClient, event: str, ops_db: Database, airflow: Airflow, action: str, status: str
) -> None:
    update(ops_db, status=status)

    answer = console.post(f"/api/events/{event}/{action}", json={"reason": " contract ended "}, headers=AS_OPERATOR)

    assert answer.status_code == 202
    (asked,) = airflow.asked
    sent = json.loads(asked.content)
    assert asked.url.path == f"/api/v2/dags/event_{action}/dagRuns"
    assert asked.headers["authorization"] == "Bearer operator1"
    assert sent["conf"] == {"request_id": "req-1", "reason": "contract ended", "dry_run": False}
    assert answer.json()["run_url"].endswith(f"/runs/{sent['dag_run_id']}")


def test_passes_on_what_airflow_refuses(console: TestClient, event: str, ops_db: Database, airflow: Airflow) -> None:
    update(ops_db, status="completed")
    airflow.answer = httpx.Response(403, json={"detail": "Forbidden"})

    answer = console.post(f"/api/events/{event}/decommission", json={"reason": "x"}, headers=AS_OPERATOR)

    assert (answer.status_code, answer.json()["detail"]["code"]) == (403, "airflow_refused")
    assert "Forbidden" in answer.json()["detail"]["message"]


@pytest.mark.parametrize("body", [{}, [], {"reason": ""}, {"reason": "a\nb"}, {"reason": 1}, {"reason": "x", "y": 1}])
def test_a_reason_is_required(console: TestClient, event: str, ops_db: Database, airflow: Airflow, body: Any) -> None:
    update(ops_db, status="completed")

    assert console.post(f"/api/events/{event}/decommission", json=body, headers=AS_OPERATOR).status_code == 422
    assert not airflow.asked


def test_only_staff_takes_down_and_only_what_is_live(
    console: TestClient, with_key: dict[str, str], event: str, airflow: Airflow
) -> None:
    for_customer = console.post(f"/api/events/{event}/decommission", json={"reason": "x"}, headers=with_key)
    too_early = console.post(f"/api/events/{event}/decommission", json={"reason": "x"}, headers=AS_OPERATOR)

    assert for_customer.status_code == 403
    assert (too_early.status_code, too_early.json()["detail"]["code"]) == (409, "wrong_status")
    assert not airflow.asked


def test_figures_are_for_the_staff(console: TestClient, with_key: dict[str, str], event: str, ops_db: Database) -> None:
    with ops_db.connect(autocommit=True) as conn:
        conn.execute("UPDATE ops.event_requests SET status = 'completed', configured_at = now(), finished_at = now()")

    figures = console.get("/api/kpis?days=7", headers=AS_OPERATOR).json()

    assert figures["total"]["completed"] == 1
    assert figures["total"]["success_rate"] == 1.0
    assert figures["total"]["mean_rating"] is None
    assert sum(day["completed"] for day in figures["periods"]) == 1
    assert console.get("/api/kpis", headers=with_key).status_code == 403
    assert console.get("/api/kpis?period=hour", headers=AS_OPERATOR).status_code == 422
