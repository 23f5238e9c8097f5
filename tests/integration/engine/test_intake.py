"""Every accepted request gets one run, whatever dies in between."""

import signal

from tests.integration.engine.conftest import Queue, StartEngine, body_of
from tests.support.fake_airflow import FakeAirflow
from tests.support.waiting import wait_until

HOUR = 3600


def test_a_request_gets_its_run_with_its_body(start_engine: StartEngine, queue: Queue, airflow: FakeAirflow) -> None:
    run_id = queue.accept("first")
    start_engine()
    assert queue.wait_for_run("first") == run_id == "request__first__1"
    assert airflow.runs == {run_id: body_of("first")}


def test_a_signal_starts_it_at_once(start_engine: StartEngine, queue: Queue, airflow: FakeAirflow) -> None:
    start_engine(engine_sweep_seconds=HOUR)
    wait_until(queue.is_listened_to, what="LISTEN")
    queue.accept("signalled")
    queue.wait_for_run("signalled")


def test_a_lost_signal_is_made_up_for(start_engine: StartEngine, queue: Queue) -> None:
    start_engine()
    queue.accept("silent", notify=False)
    queue.wait_for_run("silent")


def test_only_what_waits_is_started(start_engine: StartEngine, queue: Queue, airflow: FakeAirflow) -> None:
    queue.accept("planned", status="planned")
    queue.accept("expired", status="expired")
    queue.accept("resumed", attempt=2)
    start_engine()
    queue.wait_for_run("resumed")
    assert list(airflow.runs) == ["request__resumed__2"]


def test_a_kill_between_start_and_commit_gives_one_run(
    start_engine: StartEngine, queue: Queue, airflow: FakeAirflow
) -> None:
    airflow.hold.set()
    run_id = queue.accept("killed")
    first = start_engine(wait=False)
    assert airflow.held.wait(timeout=30), first.log.read_text()
    first.end(signal.SIGKILL)
    assert queue.run_of("killed") is None
    airflow.hold.clear()

    start_engine()
    assert queue.wait_for_run("killed") == run_id
    assert list(airflow.runs) == [run_id]
    assert airflow.posts[run_id] == 2  # the second was answered 409


def test_a_foreign_run_under_its_id_does_not_stand_for_a_request(
    start_engine: StartEngine, queue: Queue, airflow: FakeAirflow
) -> None:
    run_id = queue.accept("wanted")
    airflow.start_run_of_another(run_id, {"request_id": "another"}, username="requester1")
    airflow.start_run_of_another(f"{run_id}__r2", body_of("wanted"), username="requester1")
    engine = start_engine()
    assert queue.wait_for_run("wanted") == f"{run_id}__r3"
    assert airflow.runs[f"{run_id}__r3"] == body_of("wanted")
    assert f"Run {run_id} is not of the engine" in engine.log.read_text()


def test_a_request_all_of_whose_run_ids_are_taken_does_not_hold_up_the_others(
    start_engine: StartEngine, queue: Queue, airflow: FakeAirflow
) -> None:
    run_id = queue.accept("besieged")
    for choice in ("", *(f"__r{number}" for number in range(2, 30))):
        airflow.start_run_of_another(run_id + choice, {}, username="requester1")
    queue.accept("sound")
    start_engine()
    queue.wait_for_run("sound")
    assert queue.row("besieged")["status"] == "received"


def test_termination_does_not_wait_for_airflow(start_engine: StartEngine, queue: Queue, airflow: FakeAirflow) -> None:
    airflow.hold.set()
    queue.accept("held")
    engine = start_engine(wait=False)
    assert airflow.held.wait(timeout=30), engine.log.read_text()
    assert engine.end() == 0
    assert queue.run_of("held") is None
    assert queue.row("held")["status"] == "received"


def test_two_engines_never_start_the_same_request(
    start_engine: StartEngine, queue: Queue, airflow: FakeAirflow
) -> None:
    run_ids = [queue.accept(f"many-{number}", notify=False) for number in range(40)]
    engines = [start_engine(wait=False), start_engine(wait=False)]
    for number in range(40):
        queue.wait_for_run(f"many-{number}")
    assert sorted(airflow.runs) == sorted(run_ids)
    assert set(airflow.posts.values()) == {1}
    wait_until(lambda: all(engine.answers() for engine in engines), what="both engines")
    started = [engine.metric('ops_intake_runs_total{outcome="started"}') or 0 for engine in engines]
    assert sum(started) == 40


def test_requests_wait_while_airflow_is_down(start_engine: StartEngine, queue: Queue, airflow: FakeAirflow) -> None:
    airflow.stop()
    engine = start_engine()
    queue.accept("patient")
    wait_until(lambda: "No runs are started" in engine.log.read_text(), what="the engine to notice")
    assert queue.row("patient")["status"] == "received"
    airflow.start()
    queue.wait_for_run("patient")


def test_an_expired_token_is_renewed(start_engine: StartEngine, queue: Queue, airflow: FakeAirflow) -> None:
    start_engine()
    queue.accept("before")
    queue.wait_for_run("before")
    airflow.expire_tokens()
    queue.accept("after")
    queue.wait_for_run("after")
    assert airflow.logins == 2  # and not one per request


def test_a_refused_request_is_closed_with_the_reason(
    start_engine: StartEngine, queue: Queue, airflow: FakeAirflow
) -> None:
    message = "Invalid input for param customer: 'phone' is a required property"
    airflow.answers[queue.accept("refused")] = (400, {"detail": message})
    queue.accept("sound")
    start_engine()
    queue.wait_for_run("sound")
    row = wait_until(lambda: (row := queue.row("refused"))["status"] == "invalid" and row, what="the refusal")
    assert row["error"] == {"step": "intake", "type": "RunRefused", "message": message}
    assert row["dag_run_id"] is None
    assert row["finished_at"] is not None
    assert airflow.posts["request__refused__1"] == 1
    with queue.database.connect() as conn:
        entries = conn.execute("SELECT actor, action, target FROM ops.ledger").fetchall()
    assert entries == [{"actor": "engine", "action": "event.invalid", "target": "event:refused"}]


def test_a_broken_dag_is_not_the_customers_fault(start_engine: StartEngine, queue: Queue, airflow: FakeAirflow) -> None:
    detail = "Dag with dag_id: 'event_provisioning' has import errors and cannot be triggered"
    airflow.every_answer = (400, {"detail": detail})
    queue.accept("innocent")
    engine = start_engine()
    wait_until(lambda: detail in engine.log.read_text(), what="the engine to notice")
    assert queue.row("innocent")["status"] == "received"
    airflow.every_answer = None
    queue.wait_for_run("innocent")


def test_an_unknown_dag_is_waited_for(start_engine: StartEngine, queue: Queue, airflow: FakeAirflow) -> None:
    airflow.every_answer = (404, {"detail": "Dag with dag_id: 'event_provisioning' not found"})
    queue.accept("early")
    engine = start_engine()
    wait_until(lambda: "not found" in engine.log.read_text(), what="the engine to notice")
    airflow.every_answer = None
    queue.wait_for_run("early")


def test_one_request_that_breaks_airflow_does_not_hold_up_the_others(
    start_engine: StartEngine, queue: Queue, airflow: FakeAirflow
) -> None:
    poison = queue.accept("aaa-poison")
    airflow.answers[poison] = (500, {"detail": "Internal Server Error"})
    queue.accept("bbb-sound")
    start_engine()
    queue.wait_for_run("bbb-sound")
    assert queue.row("aaa-poison")["status"] == "received"
    del airflow.answers[poison]
    queue.wait_for_run("aaa-poison")


def test_a_wrong_password_loses_nothing(start_engine: StartEngine, queue: Queue, airflow: FakeAirflow) -> None:
    queue.accept("locked-out")
    engine = start_engine(airflow_password="not-the-password")
    wait_until(lambda: "PLATFORM_OPS_AIRFLOW_USERNAME" in engine.log.read_text(), what="the engine to say so")
    assert queue.row("locked-out")["status"] == "received"
    assert "not-the-password" not in engine.log.read_text()
