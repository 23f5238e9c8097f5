"""The Web API, through Airflow's SlackHook and with requests that the SDK would never send."""

from typing import Any

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from sandbox.testing import SandboxServer

# The SDK's advice; here messages without text are sent on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:The top-level `text` argument is missing")


@pytest.fixture
def slack(sandbox_server: SandboxServer, airflow_connection: Any) -> Any:
    from airflow.providers.slack.hooks.slack import SlackHook

    conn_id = airflow_connection(
        "slack_api_default",
        conn_type="slack",
        password=sandbox_server.credentials.slack_token,
        extra={"base_url": f"{sandbox_server.url}/slack/api/"},
    )
    return SlackHook(slack_conn_id=conn_id).get_conn()


def error_of(call: Any, **arguments: Any) -> SlackApiError:
    with pytest.raises(SlackApiError) as refused:
        call(**arguments)
    return refused.value


def test_message_is_posted_updated_and_kept(slack: Any, sandbox_server: SandboxServer) -> None:
    posted = slack.chat_postMessage(channel="#ops-approvals", text="Approve *Spring Fair*?")
    assert posted["message"]["text"] == "Approve *Spring Fair*?"
    updated = slack.chat_update(channel=posted["channel"], ts=posted["ts"], text="Approved")
    assert updated["text"] == "Approved"
    kept = sandbox_server.call("GET", "/slack/messages")["messages"]
    assert [(message["ts"], message["text"]) for message in kept] == [(posted["ts"], "Approved")]


def test_timestamps_are_unique(slack: Any) -> None:
    stamps = [slack.chat_postMessage(channel="general", text=str(number))["ts"] for number in range(20)]
    assert len(set(stamps)) == 20


def test_answers_to_a_thread(slack: Any) -> None:
    first = slack.chat_postMessage(channel="general", text="start")
    answer = slack.chat_postMessage(channel="general", text="reply", thread_ts=first["ts"])
    assert answer["message"]["thread_ts"] == first["ts"]


def test_user_id_opens_a_direct_message(slack: Any) -> None:
    assert slack.chat_postMessage(channel="U0MANAGER1", text="hello")["channel"].startswith("D")


def test_identity_and_channels(slack: Any) -> None:
    assert slack.auth_test()["bot_id"]
    first = slack.conversations_list(limit=2)
    rest = slack.conversations_list(limit=100, cursor=first["response_metadata"]["next_cursor"])
    names = [channel["name"] for channel in [*first["channels"], *rest["channels"]]]
    assert len(first["channels"]) == 2
    assert {"general", "ops-approvals"} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "#nowhere", "text": "x"}, "channel_not_found"),
        ({"channel": "general"}, "no_text"),
        ({"channel": "general", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "general", "blocks": [{"type": "header"}]}, "invalid_blocks"),
        ({"channel": "general", "text": "x", "attachments": [{"text": "y"}] * 101}, "too_many_attachments"),
    ],
)
def test_bad_messages_are_refused(slack: Any, arguments: dict[str, Any], error: str) -> None:
    assert error_of(slack.chat_postMessage, **arguments).response["error"] == error


def test_refusal_says_where(slack: Any) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    refused = error_of(slack.chat_postMessage, channel="general", blocks=blocks)
    messages = refused.response["response_metadata"]["messages"]
    assert messages == ["[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"]


def test_update_wants_the_channels_id_and_a_known_ts(slack: Any) -> None:
    posted = slack.chat_postMessage(channel="general", text="x")
    by_name = error_of(slack.chat_update, channel="general", ts=posted["ts"], text="y")
    unknown = error_of(slack.chat_update, channel=posted["channel"], ts="1.000001", text="y")
    assert by_name.response["error"] == "channel_not_found"
    assert unknown.response["error"] == "message_not_found"


def call_raw(server: SandboxServer, method: str = "chat.postMessage", **request: Any) -> httpx.Response:
    return httpx.post(f"{server.url}/slack/api/{method}", **request)


def test_errors_are_http_200(sandbox_server: SandboxServer) -> None:
    answer = call_raw(sandbox_server, data={"channel": "general", "text": "x"})
    assert (answer.status_code, answer.json()) == (200, {"ok": False, "error": "not_authed"})


@pytest.mark.parametrize(
    ("request_fields", "error"),
    [
        ({"json": {"channel": "general", "text": "x", "token": "right"}}, "not_authed"),
        ({"data": {"channel": "general", "text": "x", "token": "wrong"}}, "invalid_auth"),
        ({"json": {}, "headers": {"authorization": "Bearer wrong"}}, "invalid_auth"),
    ],
)
def test_token_is_checked(sandbox_server: SandboxServer, request_fields: dict[str, Any], error: str) -> None:
    if "json" in request_fields and "token" in request_fields["json"]:
        request_fields["json"]["token"] = sandbox_server.credentials.slack_token
    assert call_raw(sandbox_server, **request_fields).json()["error"] == error


@pytest.mark.parametrize(
    ("content_type", "body", "error"),
    [
        ("application/json", "{", "invalid_json"),
        ("application/json", "[]", "json_not_object"),
        ("text/plain", "x", "invalid_post_type"),
    ],
)
def test_unreadable_bodies(sandbox_server: SandboxServer, content_type: str, body: str, error: str) -> None:
    headers = {"authorization": f"Bearer {sandbox_server.credentials.slack_token}", "content-type": content_type}
    assert call_raw(sandbox_server, content=body, headers=headers).json()["error"] == error


def test_json_without_charset_is_warned_of(sandbox_server: SandboxServer) -> None:
    headers = {"authorization": f"Bearer {sandbox_server.credentials.slack_token}"}
    answer = call_raw(sandbox_server, json={"channel": "general", "text": "x"}, headers=headers).json()
    assert (answer["ok"], answer["warning"]) == (True, "missing_charset")


def test_unknown_method(sandbox_server: SandboxServer) -> None:
    assert call_raw(sandbox_server, "files.upload").json()["error"] == "unknown_method"


def test_rate_limit_fault_is_obeyed_by_the_sdk(slack: Any, sandbox_server: SandboxServer) -> None:
    sandbox_server.faults("slack", path_regex="chat.postMessage", status=429, times=1)
    slack.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
    assert slack.chat_postMessage(channel="general", text="patience")["ok"]
    assert [entry["status"] for entry in sandbox_server.journal("slack")] == [429, 200]
