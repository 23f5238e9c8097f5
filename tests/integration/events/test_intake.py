"""A request is taken in once, whatever comes at once or again."""

import copy
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from include.events.errors import (
    InvalidRequest,
    NotResumable,
    RequestIdReused,
    SimilarRequest,
    StaleAttempt,
    UnknownRequest,
)
from include.events.intake import Identity, Receipt, recall, receive, resume
from include.events.run_ids import run_id_for
from include.store import events as store
from tests.support.databases import Database
from tests.support.events import request_body, row_of, unique_id

Connection = psycopg.Connection[Any]
NOW = datetime.now(UTC)
USER = Identity.user("requester1")


@pytest.fixture
def conn(ops_db: Database) -> Iterator[Connection]:
    with ops_db.connect("ops_console", autocommit=True) as connection:
        yield connection


def take(conn: Connection, body: object, identity: Identity = USER, **more: Any) -> Receipt:
    return receive(conn, body, identity=identity, source="form", now=NOW, **more)


def move(ops_db: Database, status: str, *, dag_run_id: str | None = None) -> None:
    """Put every request where tasks would have brought it; the console itself may not."""
    with ops_db.connect("ops_tasks", autocommit=True) as tasks:
        tasks.execute(
            "UPDATE ops.event_requests SET status = %s, dag_run_id = coalesce(%s, dag_run_id), error = '{}'",
            (status, dag_run_id),
        )


def count(conn: Connection) -> int:
    row = conn.execute("SELECT count(*) AS n FROM ops.event_requests").fetchone()
    return int(row["n"])


def similar_to(body: dict[str, Any], name: str | None = None, **more: Any) -> dict[str, Any]:
    other = copy.deepcopy(body) | {"request_id": unique_id()} | more
    other["event"]["name"] = name or body["event"]["name"]
    return other


def test_a_request_becomes_a_row_a_ledger_entry_and_a_notification(conn: Connection) -> None:
    conn.execute("LISTEN ops_intake")
    body = request_body(language="ko")
    receipt = take(conn, body)
    assert receipt == Receipt(
        request_id=body["request_id"], created=True, status="received", attempt=1, dag_run_id=None
    )
    row = row_of(conn, receipt.request_id)
    assert row["body"] == body
    assert row["requester"] == "user:requester1"
    assert row["customer_email"] == "haneul@example.com"
    assert row["slug"].startswith("spring_summit_")
    entry = conn.execute(
        "SELECT actor, action FROM ops.ledger WHERE target = %s", (f"event:{receipt.request_id}",)
    ).fetchone()
    assert entry == {"actor": "user:requester1", "action": "event.receive"}
    assert [notice.payload for notice in conn.notifies(timeout=5, stop_after=1)] == [receipt.request_id]


def test_the_same_again_returns_the_first_also_after_its_end(conn: Connection, ops_db: Database) -> None:
    body = request_body()
    with ops_db.connect("ops_tasks", autocommit=True) as task:
        take(task, body, dag_run_id="run-1")
    long_after = NOW + timedelta(days=5000)
    again = receive(conn, dict(reversed(body.items())), identity=USER, source="api", now=long_after)
    assert (again.created, again.status, again.dag_run_id) == (False, "received", "run-1")
    assert count(conn) == 1


def test_another_body_under_the_same_id_is_refused(conn: Connection) -> None:
    body = request_body()
    take(conn, body)
    other = copy.deepcopy(body)
    other["event"]["gates"] += 1
    with pytest.raises(RequestIdReused):
        take(conn, other)
    with pytest.raises(RequestIdReused):
        take(conn, {"request_id": body["request_id"], "event": float("nan")})
    assert count(conn) == 1


@pytest.fixture
def customers(ops_db: Database) -> tuple[Identity, Identity]:
    """Two customers with API keys."""
    with ops_db.connect(autocommit=True) as admin:
        admin.execute("INSERT INTO ops.customers (customer_id, name, email) VALUES ('acme', 'A', 'a@b.co')")
        admin.execute("INSERT INTO ops.customers (customer_id, name, email) VALUES ('bolt', 'B', 'b@b.co')")
    return Identity.customer("acme"), Identity.customer("bolt")


@pytest.mark.usefixtures("customers")
def test_another_customers_request_is_not_given_away(conn: Connection) -> None:
    body = request_body()
    take(conn, body, Identity.customer("acme"))
    assert not take(conn, body, Identity.customer("acme")).created
    with pytest.raises(RequestIdReused):
        take(conn, body, Identity.customer("bolt"))


def test_twenty_at_once_are_one_event(ops_db: Database) -> None:
    body = request_body()
    barrier = threading.Barrier(20)
    receipts: list[Receipt] = []

    def send() -> None:
        with ops_db.connect("ops_console", autocommit=True) as connection:
            barrier.wait()
            receipts.append(take(connection, body))

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receipts) == 20
    assert sum(receipt.created for receipt in receipts) == 1
    with ops_db.connect(autocommit=True) as connection:
        assert count(connection) == 1


def test_similar_ones_at_once_are_one_event(ops_db: Database) -> None:
    first = request_body()
    bodies = [similar_to(first) for _ in range(10)]
    barrier = threading.Barrier(len(bodies))
    outcomes: list[str] = []

    def send(body: dict[str, Any]) -> None:
        with ops_db.connect("ops_console", autocommit=True) as connection:
            barrier.wait()
            try:
                outcomes.append("created" if take(connection, body).created else "known")
            except SimilarRequest:
                outcomes.append("similar")

    threads = [threading.Thread(target=send, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["created", *["similar"] * 9]


def test_a_similar_request_names_the_first(conn: Connection) -> None:
    body = request_body(name="Seoul Spring Summit 1")
    take(conn, body)
    with pytest.raises(SimilarRequest) as caught:
        take(conn, similar_to(body, name="Seoul Spring Summit 2"))
    assert caught.value.first_request_id == body["request_id"]
    assert count(conn) == 1


def test_other_names_other_days_and_other_customers_are_not_similar(conn: Connection) -> None:
    body = request_body(name="Seoul Spring Summit")
    take(conn, body)
    take(conn, similar_to(body, name="Rock Night"))
    later = similar_to(body)
    for name in ("starts_at", "ends_at"):
        later["event"][name] = (datetime.fromisoformat(body["event"][name]) + timedelta(days=2)).isoformat()
    take(conn, later)
    stranger = similar_to(body)
    stranger["customer"]["email"] = "other@example.com"
    take(conn, stranger)
    assert count(conn) == 4


def test_the_case_of_an_address_does_not_make_another_customer(conn: Connection) -> None:
    body = request_body()
    take(conn, body)
    shouted = similar_to(body)
    shouted["customer"]["email"] = "HANEUL@Example.COM"
    with pytest.raises(SimilarRequest):
        take(conn, shouted)


def test_an_address_in_a_body_makes_nobody_another_customer(
    conn: Connection, customers: tuple[Identity, Identity]
) -> None:
    """Who knows a customer's address and dates neither blocks them nor learns of its requests."""
    acme, bolt = customers
    body = request_body()
    take(conn, body, bolt)
    assert take(conn, similar_to(body), acme).created
    assert take(conn, similar_to(body), USER).created
    with pytest.raises(InvalidRequest, match="not_duplicate_of"):
        take(conn, similar_to(body, not_duplicate_of=body["request_id"]), acme)


def test_what_people_entered_is_not_in_a_key_holders_way(
    conn: Connection, customers: tuple[Identity, Identity]
) -> None:
    body = request_body()
    take(conn, body)
    assert take(conn, similar_to(body), customers[0]).created


def test_a_customer_is_one_under_all_its_addresses(conn: Connection, customers: tuple[Identity, Identity]) -> None:
    body = request_body()
    take(conn, body, customers[0])
    by_a_colleague = similar_to(body)
    by_a_colleague["customer"]["email"] = "colleague@example.com"
    with pytest.raises(SimilarRequest) as caught:
        take(conn, by_a_colleague, customers[0])
    assert caught.value.first_request_id == body["request_id"]


def test_customers_do_not_wait_for_each_other(
    conn: Connection, ops_db: Database, customers: tuple[Identity, Identity]
) -> None:
    body = request_body()
    with ops_db.connect("ops_console") as slow, slow.transaction():
        email = body["customer"]["email"]
        store.lock_for_intake(slow, request_id="of-bolt", customer_id="bolt", customer_email=email)
        conn.execute("SET lock_timeout = '2s'")
        assert take(conn, body, customers[0]).created


def test_whoever_resumes_a_request_it_is_its_customers(
    conn: Connection, ops_db: Database, customers: tuple[Identity, Identity]
) -> None:
    acme, bolt = customers
    body = request_body()
    take(conn, body, acme)
    with ops_db.connect(autocommit=True) as admin:
        admin.execute("UPDATE ops.event_requests SET status = 'expired'")
    take(conn, similar_to(body), bolt)
    second = take(conn, similar_to(body), acme)
    with pytest.raises(SimilarRequest) as caught:
        resume(conn, request_id=body["request_id"], identity=USER, now=NOW)
    assert caught.value.first_request_id == second.request_id


def test_the_engines_run_finds_its_request(conn: Connection) -> None:
    body = request_body(unique_id("odd__1__r2"))
    take(conn, body)
    for choice in (1, 2):
        run_id = run_id_for(body["request_id"], 1, choice=choice)
        assert recall(conn, body, dag_run_id=run_id).request_id == body["request_id"]
    with pytest.raises(StaleAttempt):
        recall(conn, body, dag_run_id=run_id_for(body["request_id"], 2))
    with pytest.raises(UnknownRequest):
        recall(conn, request_body(), dag_run_id=run_id)


def test_not_duplicate_of_goes_on_also_for_a_third(conn: Connection) -> None:
    first = request_body()
    take(conn, first)
    second = similar_to(first, not_duplicate_of=first["request_id"])
    take(conn, second)
    third = similar_to(first, not_duplicate_of=first["request_id"])
    assert take(conn, third).created
    with pytest.raises(SimilarRequest):
        take(conn, similar_to(first))


def test_not_duplicate_of_must_name_a_request_of_the_customer(conn: Connection) -> None:
    with pytest.raises(InvalidRequest, match="not_duplicate_of"):
        take(conn, request_body() | {"not_duplicate_of": "unheard-of"})
    assert count(conn) == 0


@pytest.mark.parametrize("status", ["rejected", "expired", "rolled_back", "cancelled", "invalid", "decommissioned"])
def test_what_ended_without_an_event_is_in_nobodys_way(conn: Connection, ops_db: Database, status: str) -> None:
    body = request_body()
    take(conn, body)
    move(ops_db, status)
    assert take(conn, similar_to(body)).created


def test_a_request_with_faults_changes_nothing(conn: Connection) -> None:
    body = request_body()
    body["event"]["gates"] = 0
    with pytest.raises(InvalidRequest):
        take(conn, body)
    assert count(conn) == 0
    assert conn.execute("SELECT count(*) AS n FROM ops.ledger").fetchone() == {"n": 0}


def test_it_works_on_a_connection_that_is_not_in_autocommit_mode(ops_db: Database) -> None:
    body = request_body()
    with ops_db.connect("ops_console") as connection:
        take(connection, body)
        with ops_db.connect() as other:
            assert count(other) == 1


@pytest.mark.parametrize("status", ["expired", "rolled_back"])
def test_an_ended_request_is_taken_up_again_without_entering_it(
    conn: Connection, ops_db: Database, status: str
) -> None:
    body = request_body()
    take(conn, body)
    move(ops_db, status, dag_run_id="run-1")
    receipt = resume(conn, request_id=body["request_id"], identity=USER, now=NOW)
    assert (receipt.attempt, receipt.status, receipt.dag_run_id) == (2, "received", None)
    row = row_of(conn, body["request_id"])
    assert (row["attempt"], row["status"], row["dag_run_id"], row["error"]) == (2, "received", None, None)


@pytest.mark.parametrize("status", ["received", "awaiting_approval", "completed", "rejected", "rolling_back"])
def test_what_is_under_way_or_decided_is_not_resumed(conn: Connection, ops_db: Database, status: str) -> None:
    body = request_body()
    take(conn, body)
    move(ops_db, status)
    with pytest.raises(NotResumable):
        resume(conn, request_id=body["request_id"], identity=USER, now=NOW)
    assert row_of(conn, body["request_id"])["attempt"] == 1


def test_resuming_checks_time_place_and_person_again(conn: Connection, ops_db: Database) -> None:
    body = request_body()
    take(conn, body)
    move(ops_db, "expired")
    with pytest.raises(UnknownRequest):
        resume(conn, request_id=body["request_id"], identity=Identity.customer("acme"), now=NOW)
    with pytest.raises(InvalidRequest, match="in the past"):
        resume(conn, request_id=body["request_id"], identity=USER, now=NOW + timedelta(days=4000))
    take(conn, similar_to(body))
    with pytest.raises(SimilarRequest):
        resume(conn, request_id=body["request_id"], identity=USER, now=NOW)
    assert row_of(conn, body["request_id"])["status"] == "expired"
