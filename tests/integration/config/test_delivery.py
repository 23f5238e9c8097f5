"""What leaves a real Alertmanager: to the engine at once and with its token, about ourselves by mail only."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler

from tests.support.monitoring import Rendered, running_alertmanager
from tests.support.waiting import wait_until

TOKEN = "token-of-the-engine"
PLATFORM_ALERT = {"alertname": "ServiceDown", "severity": "critical", "instance": "gate:80"}
OWN_ALERT = {"alertname": "EngineDown", "severity": "critical", "scope": "self"}
WATCHDOG = {"alertname": "Watchdog", "severity": "info", "scope": "self"}


class Engine:
    """Keeps what it is sent; answers 503 for as long as `refuses` is more than 0."""

    def __init__(self) -> None:
        self.refuses = 0
        self.refused = 0
        self.authorizations: set[str | None] = set()
        self.received: list[tuple[str, dict[str, Any]]] = []

    def alertnames(self, path: str) -> list[str]:
        return [alert["labels"]["alertname"] for at, body in self.received if at == path for alert in body["alerts"]]


class Mailbox(MessageHandler):
    """Keeps the mails that arrive."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Message] = []

    def handle_message(self, message: Message) -> None:
        self.mails.append(message)

    def recipients_of(self, alertname: str) -> list[str]:
        return [mail["To"] for mail in self.mails if alertname in mail["Subject"]]


@pytest.fixture
def mailbox(rendered: Rendered) -> Iterator[Mailbox]:
    mailbox = Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=rendered.ports["SANDBOX_SMTP_PORT"])
    server.start()
    yield mailbox
    server.stop()


@pytest.fixture
def engine(rendered: Rendered) -> Iterator[Engine]:
    with _serving(Engine(), rendered.ports["ENGINE_PORT"]) as engine:
        yield engine


@pytest.fixture
def alertmanager(rendered: Rendered, mailbox: Mailbox, engine: Engine) -> Iterator[str]:
    """An Alertmanager that has sent nothing yet."""
    rendered.token_file.write_text(f"{TOKEN}\n")
    with running_alertmanager(rendered) as address:
        yield address


def test_an_alert_is_handed_over_at_once_and_mailed(alertmanager: str, engine: Engine, mailbox: Mailbox) -> None:
    fire(alertmanager, PLATFORM_ALERT)
    # Well below the shortest of the source's waits (10 s): nothing waits before the engine.
    wait_until(lambda: engine.received, seconds=5, what="the hand-over")
    path, body = engine.received[0]
    assert path == "/alerts/v4"
    assert body["version"] == "4"
    assert [alert["labels"] for alert in body["alerts"]] == [PLATFORM_ALERT]
    assert engine.authorizations == {f"Bearer {TOKEN}"}
    wait_until(lambda: mailbox.recipients_of("ServiceDown") == ["platform-ops@example.com"], what="the mail")


def test_what_the_engine_refuses_is_kept_and_comes_again(alertmanager: str, engine: Engine) -> None:
    engine.refuses = 2
    fire(alertmanager, {**PLATFORM_ALERT, "instance": "refused:80"})
    wait_until(lambda: engine.received, what="the hand-over that is taken")
    assert engine.refused == 2
    assert engine.alertnames("/alerts/v4") == ["ServiceDown"]


def test_our_own_death_is_mailed_round_the_engine(alertmanager: str, engine: Engine, mailbox: Mailbox) -> None:
    fire(alertmanager, OWN_ALERT)
    wait_until(lambda: mailbox.recipients_of("EngineDown") == ["platform-ops-oncall@example.com"], what="the mail")
    assert engine.received == []


def test_the_heartbeat_reaches_the_engine_and_nobody_else(alertmanager: str, engine: Engine, mailbox: Mailbox) -> None:
    fire(alertmanager, WATCHDOG)
    wait_until(lambda: engine.alertnames("/heartbeats/watchdog") == ["Watchdog"], what="the heartbeat")
    assert mailbox.mails == []


def fire(alertmanager: str, labels: dict[str, str]) -> None:
    ends_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    body = [{"labels": labels, "annotations": {"summary": "s"}, "endsAt": ends_at}]
    httpx.post(f"{alertmanager}/api/v2/alerts", json=body).raise_for_status()


@contextmanager
def _serving(engine: Engine, port: int) -> Iterator[Engine]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            engine.authorizations.add(self.headers["Authorization"])
            if engine.refuses:
                engine.refuses -= 1
                engine.refused += 1
                self.send_response(503)
            else:
                engine.received.append((self.path, body))
                self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield engine
    server.shutdown()
    server.server_close()
