"""Mail that a real server refuses: which refusal is worth another try."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from socket import create_server
from threading import Thread
from typing import Any

import pytest
from airflow.sdk import RetryAction

from include.clients.errors import ClientError, Refused, RetryableError, Unreachable
from platform_ops.dag_defaults import RETRY_POLICY
from platform_ops.hooks.email import send_email
from sandbox.testing import SandboxServer


def configure(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "ops@example.com", "timeout": 5}
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))


@pytest.fixture
def server(sandbox_server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> SandboxServer:
    """A mail server that `smtp_default` leads to."""
    configure(monkeypatch, sandbox_server.smtp_port)
    return sandbox_server


def mail() -> EmailMessage:
    message = EmailMessage()
    headers = {
        "From": "ops@example.com",
        "To": "haneul@example.com",
        "Subject": "Plan",
        "Message-ID": "<1@example.com>",
    }
    for name, value in headers.items():
        message[name] = value
    message.set_content("text")
    return message


@pytest.mark.parametrize(
    ("fault", "kind", "action"),
    [
        ({"method": "DATA", "status": 451}, RetryableError, RetryAction.RETRY),
        ({"method": "RCPT", "status": 450}, RetryableError, RetryAction.RETRY),
        ({"method": "MAIL", "status": 421}, RetryableError, RetryAction.RETRY),
        ({"method": "DATA", "disconnect": True}, Unreachable, RetryAction.RETRY),
        ({"method": "RCPT", "status": 550}, Refused, RetryAction.FAIL),
        ({"method": "DATA", "status": 554}, Refused, RetryAction.FAIL),
    ],
)
def test_a_passing_refusal_is_tried_again_and_a_final_one_is_not(
    server: SandboxServer, fault: dict[str, Any], kind: type[ClientError], action: RetryAction
) -> None:
    server.faults("smtp", **fault)
    with pytest.raises(ClientError) as caught:
        send_email(mail())
    assert type(caught.value) is kind
    assert RETRY_POLICY.evaluate(caught.value, 1, 3).action is action


def test_a_server_that_hangs_up_at_the_greeting_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with hanging_up() as port:
        configure(monkeypatch, port)
        with pytest.raises(Unreachable):
            send_email(mail())


def test_a_server_that_is_down_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    configure(monkeypatch, port)
    with pytest.raises(Unreachable):
        send_email(mail())


@contextmanager
def hanging_up() -> Iterator[int]:
    """A server that takes every connection and ends it without a word."""
    listener = create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return

    server = Thread(target=serve)
    server.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(2)  # wakes the accept
        listener.close()
        server.join()
