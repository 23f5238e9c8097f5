"""Two callers at the same message: one sends, the other waits and finds it sent."""

import threading
from concurrent.futures import ThreadPoolExecutor

from include.events import intake
from include.notifications import guard
from tests.support.databases import Database
from tests.support.events import NOW, request_body
from tests.support.waiting import wait_until

WAITING = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def test_a_message_that_is_being_sent_is_not_sent_by_another(ops_db: Database) -> None:
    sent: list[str] = []
    under_way, go_on = threading.Event(), threading.Event()

    def send() -> str:
        sent.append("mail")
        under_way.set()
        assert go_on.wait(30)
        return "id"

    def tell(request_id: str) -> bool:
        with ops_db.connect("ops_tasks", autocommit=True) as conn:
            return guard.once(conn, request_id=request_id, key="mail", send=send)

    with ops_db.connect("ops_tasks", autocommit=True) as conn, ThreadPoolExecutor(2) as callers:
        identity = intake.Identity.user("requester1")
        receipt = intake.receive(conn, request_body(), identity=identity, source="airflow", now=NOW)
        first = callers.submit(tell, receipt.request_id)
        assert under_way.wait(30)
        second = callers.submit(tell, receipt.request_id)
        try:
            wait_until(lambda: len(sent) > 1 or conn.execute(WAITING).fetchone(), what="the second caller")
        finally:
            go_on.set()
        assert (first.result(30), second.result(30)) == (True, False)
    assert sent == ["mail"]


def test_a_message_whose_sender_died_is_sent_again(ops_db: Database) -> None:
    with ops_db.connect("ops_tasks", autocommit=True) as conn:
        identity = intake.Identity.user("requester1")
        request_id = intake.receive(conn, request_body(), identity=identity, source="airflow", now=NOW).request_id
        conn.execute(
            "INSERT INTO ops.event_effects (request_id, effect_key, state, reference)"
            " VALUES (%s, 'mail', 'sending', '')",
            (request_id,),
        )
        assert guard.once(conn, request_id=request_id, key="mail", send=lambda: "id")
        assert not guard.once(conn, request_id=request_id, key="mail", send=lambda: "id")
