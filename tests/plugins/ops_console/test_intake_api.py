"""POST /api/events: once, whatever is sent, and with every fault named."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from include.store import api_keys
from tests.plugins.ops_console.conftest import AS_OPERATOR, issue_key, request_body
from tests.support.databases import Database


def count_events(ops_db: Database) -> int:
    with ops_db.connect("ops_console") as conn:
        row = conn.execute("SELECT count(*) AS n FROM ops.event_requests").fetchone()
    assert row is not None
    return int(row["n"])


def test_takes_a_request_and_says_where_to_follow_it(
    console: TestClient, with_key: dict[str, str], ops_db: Database
) -> None:
    answer = console.post("/api/events", json=request_body(), headers=with_key)

    assert answer.status_code == 202
    assert answer.headers["location"] == "/api/events/req-1"
    assert answer.json()["status"] == "received"
    assert answer.json()["status_url"].endswith("/console/api/events/req-1")
    with ops_db.connect("ops_console") as conn:
        row = conn.execute("SELECT requester, customer_id, source FROM ops.event_requests").fetchone()
    assert row == {"requester": "customer:acme", "customer_id": "acme", "source": "api"}


def test_takes_a_request_of_an_airflow_user(console: TestClient, ops_db: Database) -> None:
    headers = {"Authorization": "Bearer requester1", "X-Request-Source": "form"}

    assert console.post("/api/events", json=request_body(), headers=headers).status_code == 202

    with ops_db.connect("ops_console") as conn:
        row = conn.execute("SELECT requester, customer_id, source FROM ops.event_requests").fetchone()
    assert row == {"requester": "user:requester1", "customer_id": None, "source": "form"}


def test_the_same_request_again_gets_the_first_answer_also_after_its_end(
    console: TestClient, with_key: dict[str, str], ops_db: Database
) -> None:
    first = console.post("/api/events", json=request_body(), headers=with_key)
    with ops_db.connect(autocommit=True) as conn:
        conn.execute("UPDATE ops.event_requests SET status = 'purged'")

    again = console.post("/api/events", json=request_body(), headers=with_key)

    assert again.status_code == 202
    assert again.headers["location"] == first.headers["location"]
    assert (again.json()["created"], again.json()["status"]) == (False, "purged")


def test_twenty_at_once_make_one_event(console: TestClient, with_key: dict[str, str], ops_db: Database) -> None:
    def send(_: int) -> tuple[int, bool]:
        answer = console.post("/api/events", json=request_body(), headers=with_key)
        return answer.status_code, answer.json()["created"]

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(send, range(20)))

    assert sorted(answers) == [(202, False)] * 19 + [(202, True)]
    assert count_events(ops_db) == 1


def test_another_body_under_the_same_id_is_refused(console: TestClient, with_key: dict[str, str]) -> None:
    console.post("/api/events", json=request_body(), headers=with_key)

    answer = console.post("/api/events", json=request_body(gates=3), headers=with_key)

    assert answer.status_code == 409
    assert answer.json()["detail"]["code"] == "request_id_reused"
    assert answer.json()["detail"]["first_request_id"] == "req-1"


def test_a_similar_request_is_refused_until_it_says_that_it_is_another(
    console: TestClient, with_key: dict[str, str]
) -> None:
    console.post("/api/events", json=request_body(), headers=with_key)
    second = request_body("req-2", name="Spring Summit!")

    refused = console.post("/api/events", json=second, headers=with_key)
    taken = console.post("/api/events", json=second | {"not_duplicate_of": "req-1"}, headers=with_key)

    assert (refused.status_code, refused.json()["detail"]["code"]) == (409, "similar_request")
    assert refused.json()["detail"]["first_request_id"] == "req-1"
    assert taken.status_code == 202


def test_seven_faults_are_named_at_once(console: TestClient, with_key: dict[str, str], ops_db: Database) -> None:
    body = request_body(expected_attendees=0, gates="two", ends_at="2020-01-01T00:00:00", colour="red")
    body["customer"] |= {"email": "nobody", "phone": "010"}
    del body["event"]["venue"]

    answer = console.post("/api/events", json=body, headers=with_key)

    assert answer.status_code == 422
    assert {fault["path"] for fault in answer.json()["detail"]["faults"]} == {
        "customer.email",
        "customer.phone",
        "event.colour",
        "event.ends_at",
        "event.expected_attendees",
        "event.gates",
        "event.venue",
    }
    assert count_events(ops_db) == 0


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed_json"),
        (b"", "application/json", 400, "malformed_json"),
        (b"\xff\xfe", "application/json", 400, "malformed_json"),
        (b'{"a": NaN}', "application/json", 400, "malformed_json"),
        (b'{"a": 1, "a": 2}', "application/json", 400, "malformed_json"),
        (b"[" * 60_000, "application/json", 400, "malformed_json"),
        (b"1" * 5_000, "application/json", 400, "malformed_json"),
        (b'"' + b"x" * 70_000 + b'"', "application/json", 413, "too_large"),
        (b"{}", "text/plain", 415, "unsupported_content_type"),
        (b"a=1", "application/x-www-form-urlencoded", 415, "unsupported_content_type"),
        (b"[]", "application/json; charset=utf-8", 422, "invalid_request"),
        (rb'{"request_id": "\ud800"}', "application/json", 422, "invalid_request"),
        (rb'{"\ud800\u0000": 1}', "application/json", 422, "invalid_request"),
    ],
)
def test_what_is_no_request_is_refused_clearly(
    console: TestClient, with_key: dict[str, str], content: bytes, content_type: str, status: int, code: str
) -> None:
    answer = console.post("/api/events", content=content, headers=with_key | {"Content-Type": content_type})

    assert (answer.status_code, answer.json()["detail"]["code"]) == (status, code)


def test_a_body_without_end_is_cut_off(console: TestClient, with_key: dict[str, str]) -> None:
    def chunks() -> Any:
        for _ in range(100):
            yield b" " * 1024

    answer = console.post("/api/events", content=chunks(), headers=with_key | {"Content-Type": "application/json"})

    assert answer.status_code == 413


def test_nobody_gets_in_without_a_key(console: TestClient) -> None:
    answer = console.post("/api/events", json=request_body())

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("wrong", ["pok_0123456789_" + "A" * 43, "pok_x", "nonsense"])
def test_a_wrong_key_is_refused(console: TestClient, wrong: str) -> None:
    assert console.post("/api/events", json={}, headers={"Authorization": f"Bearer {wrong}"}).status_code == 401


def test_a_key_works_in_its_own_header_too(console: TestClient, key: str) -> None:
    assert console.post("/api/events", json=request_body(), headers={"X-API-Key": key}).status_code == 202


def test_a_revoked_key_is_refused_at_once(console: TestClient, key: str, ops_db: Database) -> None:
    key_id = api_keys.key_id_of(key)
    assert key_id is not None
    with ops_db.connect("ops_migrator") as conn:
        api_keys.revoke(conn, key_id, actor="os:tester")

    assert console.post("/api/events", json=request_body(), headers={"X-API-Key": key}).status_code == 401


def test_guessing_is_slowed_down_but_never_locks_out_the_right_key(
    console: TestClient, key: str, ops_db: Database
) -> None:
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    answers = [console.get("/api/events", headers={"X-API-Key": wrong}).status_code for _ in range(12)]

    assert answers == [401] * 10 + [429] * 2
    assert console.get("/api/events", headers={"X-API-Key": key}).status_code == 200
    assert console.get("/api/events", headers={"X-API-Key": issue_key(ops_db, "other")}).status_code == 200


def test_keys_never_reach_the_log(console: TestClient, key: str, caplog: pytest.LogCaptureFixture) -> None:
    wrong = key[:-2] + "zz"
    with caplog.at_level("DEBUG"):
        console.get("/api/events", headers={"X-API-Key": wrong})
        console.get("/api/events", headers={"X-API-Key": key})

    assert str(api_keys.key_id_of(key)) in caplog.text
    assert wrong not in caplog.text
    assert key not in caplog.text


def test_an_unknown_role_may_not_ask(console: TestClient) -> None:
    answer = console.post("/api/events", json=request_body(), headers={"Authorization": "Bearer visitor"})

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 202),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://testserver"}, 202),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_a_cookie_counts_only_from_our_own_pages(console: TestClient, headers: dict[str, str], status: int) -> None:
    console.cookies.set("_token", "operator1")

    assert console.post("/api/events", json=request_body(), headers=headers).status_code == status


def test_without_a_database_the_answer_is_503(console: TestClient, with_key: dict[str, str], ops_db: Database) -> None:
    with ops_db.cluster.connect() as admin:
        admin.execute(f'ALTER DATABASE "{ops_db.name}" ALLOW_CONNECTIONS false')

    answer = console.post("/api/events", json=request_body(), headers=with_key)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"


def test_the_documented_answers_are_all_there(console: TestClient) -> None:
    paths = console.get("/openapi.json").json()["paths"]

    documented = set(paths["/api/events"]["post"]["responses"])
    assert documented == {"202", "400", "401", "403", "409", "413", "415", "422", "429", "503"}
    schema = paths["/api/events"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert json.dumps(schema["required"]) == '["request_id", "customer", "event"]'


def test_staff_may_ask_too(console: TestClient) -> None:
    assert console.post("/api/events", json=request_body(), headers=AS_OPERATOR).status_code == 202
