"""Incoming webhooks, through Airflow's SlackWebhookHook and raw."""

from typing import Any

import httpx
import pytest

from sandbox.testing import SandboxServer


def post(server: SandboxServer, **request: Any) -> tuple[int, str]:
    answer = httpx.post(f"{server.url}/slack/services/{server.credentials.slack_webhook}", **request)
    return answer.status_code, answer.text


def test_airflows_hook_posts(sandbox_server: SandboxServer, airflow_connection: Any) -> None:
    from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook

    conn_id = airflow_connection(
        "slack_default",
        conn_type="slackwebhook",
        host=f"{sandbox_server.url}/slack/services",
        password=sandbox_server.credentials.slack_webhook,
    )
    SlackWebhookHook(slack_webhook_conn_id=conn_id).send(text="New request", blocks=[{"type": "divider"}])
    (message,) = sandbox_server.call("GET", "/slack/messages")["messages"]
    assert (message["channel_name"], message["text"]) == ("ops-approvals", "New request")


def test_channel_of_a_message_is_ignored(sandbox_server: SandboxServer) -> None:
    assert post(sandbox_server, json={"text": "x", "channel": "#general", "username": "somebody"}) == (200, "ok")
    assert sandbox_server.call("GET", "/slack/messages")["messages"][0]["channel_name"] == "ops-approvals"


def test_payload_in_a_form(sandbox_server: SandboxServer) -> None:
    assert post(sandbox_server, data={"payload": '{"text": "x"}'}) == (200, "ok")


@pytest.mark.parametrize(
    ("request_fields", "answer"),
    [
        ({"content": "{"}, (400, "invalid_payload")),
        ({"content": "[]"}, (400, "invalid_payload")),
        ({"content": b"\xff"}, (400, "invalid_payload")),
        ({"json": {}}, (400, "no_text")),
        ({"json": {"text": ""}}, (400, "no_text")),
        ({"json": {"text": 5}}, (400, "invalid_payload")),
        ({"json": {"blocks": [{"type": "unknown"}]}}, (400, "invalid_blocks")),
        ({"json": {"text": "x", "attachments": [{}] * 101}}, (400, "too_many_attachments")),
    ],
)
def test_words_of_refusal(sandbox_server: SandboxServer, request_fields: Any, answer: tuple[int, str]) -> None:
    assert post(sandbox_server, **request_fields) == answer


def test_unknown_webhook(sandbox_server: SandboxServer) -> None:
    answer = httpx.post(f"{sandbox_server.url}/slack/services/T0/B0/wrong", json={"text": "x"})
    assert (answer.status_code, answer.text) == (404, "no_service")
