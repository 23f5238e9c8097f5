"""Answers of outside systems become our errors, and nothing waits for ever."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from include.clients import errors
from include.clients.http import JsonClient, parse_retry_after
from include.clients.platform_api import PlatformApi
from include.clients.prometheus import Prometheus

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)


def client(answer: Callable[[httpx.Request], httpx.Response]) -> JsonClient:
    return JsonClient(service="test", base_url="http://x/", token="secret", transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, errors.Refused),
        (401, errors.Unauthorized),
        (403, errors.Unauthorized),
        (404, errors.NotFound),
        (408, errors.ServerFault),
        (409, errors.Conflict),
        (410, errors.NotFound),
        (422, errors.Refused),
        (429, errors.RateLimited),
        (500, errors.ServerFault),
        (503, errors.ServerFault),
        (302, errors.Refused),
    ],
)
def test_each_status_has_its_error(status: int, error: type[errors.ClientError]) -> None:
    with client(lambda _: httpx.Response(status, text="why\n so")) as api, pytest.raises(error) as caught:
        api.json("GET", "/thing")
    assert caught.value.status == status
    assert "secret" not in str(caught.value)


def test_retry_after_is_carried() -> None:
    answer = httpx.Response(429, headers={"Retry-After": "7"})
    with client(lambda _: answer) as api, pytest.raises(errors.RateLimited) as caught:
        api.json("GET", "/thing")
    assert caught.value.retry_after == 7


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("12", 12),
        ("-5", 0),
        ("1e9", 3600),
        ("nan", None),
        ("soon", None),
        ("Wed, 01 May 2030 12:00:30 GMT", 30),
        ("Wed, 01 May 2030 11:00:00 GMT", 0),
    ],
)
def test_retry_after_values(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=NOW) == seconds


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("no"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("x")]
)
def test_no_answer_is_worth_another_try(failure: httpx.TransportError) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise failure

    with client(fail) as api, pytest.raises(errors.RetryableError):
        api.json("GET", "/thing")


def test_no_json_is_a_server_fault() -> None:
    with client(lambda _: httpx.Response(200, text="<html>")) as api, pytest.raises(errors.ServerFault):
        api.json("GET", "/thing")


def test_the_token_is_sent_unless_told_otherwise() -> None:
    seen: list[str | None] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Authorization"))
        return httpx.Response(200, json={})

    with client(note) as api:
        api.json("GET", "/a")
        api.json("GET", "/a", token="other")
        api.json("GET", "/a", authenticated=False)
    assert seen == ["Bearer secret", "Bearer other", None]


def test_an_answer_without_the_field_is_a_server_fault() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(201, json={"unexpected": 1}))
    with (
        PlatformApi(base_url="http://x", token="t", transport=transport) as api,
        pytest.raises(errors.ServerFault, match="account_id"),
    ):
        api.put_account("slug", email="a@b.co", name="A", language="ko")


def test_an_error_of_prometheus_is_a_server_fault() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"status": "error", "error": "x"}))
    with Prometheus(base_url="http://x", transport=transport) as api, pytest.raises(errors.ServerFault):
        api.list_targets()
