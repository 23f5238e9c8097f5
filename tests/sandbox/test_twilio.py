"""Twilio's Messages, through its own SDK and with forms that the SDK would never send."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from sandbox.testing import SandboxServer
from sandbox.twilio.segments import count_segments
from tests.support.waiting import wait_until

RECIPIENT = "+821012345678"


class RebasedHttpClient(TwilioHttpClient):
    """The SDK's client with another host: its `edge` and `region` only shape api.twilio.com."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        return super().request(method, url.replace("https://api.twilio.com", self._base_url), *args, **kwargs)


@pytest.fixture
def twilio(sandbox_server: SandboxServer) -> Client:
    credentials = sandbox_server.credentials
    http_client = RebasedHttpClient(f"{sandbox_server.url}/twilio")
    return Client(credentials.twilio_account_sid, credentials.twilio_auth_token, http_client=http_client)


def test_message_is_queued_then_delivered(twilio: Client, sandbox_server: SandboxServer) -> None:
    sender = sandbox_server.credentials.twilio_from
    message = twilio.messages.create(to=RECIPIENT, from_=sender, body="안녕하세요")
    assert (message.status, message.date_sent, message.num_segments) == ("queued", None, "1")
    delivered = wait_until(
        lambda: next((m for m in [twilio.messages(message.sid).fetch()] if m.status == "delivered"), None)
    )
    assert delivered.date_sent is not None
    assert delivered.body == "안녕하세요"


def test_list_finds_by_recipient_and_time(twilio: Client, sandbox_server: SandboxServer) -> None:
    sender = sandbox_server.credentials.twilio_from
    for number in range(5):
        twilio.messages.create(to=RECIPIENT, from_=sender, body=str(number))
    twilio.messages.create(to="+12025550123", from_=sender, body="another")
    now = datetime.now(UTC)
    found = twilio.messages.list(to=RECIPIENT, date_sent_after=now - timedelta(minutes=5), page_size=2)
    assert [message.body for message in found] == ["4", "3", "2", "1", "0"]
    assert twilio.messages.list(to=RECIPIENT, date_sent_after=now + timedelta(minutes=5)) == []
    assert twilio.messages.list(to=RECIPIENT, date_sent_before=now - timedelta(minutes=5)) == []
    assert len(twilio.messages.list(to=RECIPIENT, date_sent=now.date())) == 5
    assert len(twilio.messages.list(limit=3)) == 3


def test_account_can_be_fetched(twilio: Client, sandbox_server: SandboxServer) -> None:
    sid = sandbox_server.credentials.twilio_account_sid
    assert twilio.api.accounts(sid).fetch().status == "active"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, 21604),
        ({"To": "010-1234-5678"}, 21211),
        ({"To": "+82"}, 21211),
        ({"To": "+8210123456789012"}, 21211),
        ({"To": "+15005550001"}, 21211),
        ({"To": "+15005550009"}, 21614),
        ({"To": RECIPIENT}, 21603),
        ({"To": RECIPIENT, "From": "somebody"}, 21212),
        ({"To": RECIPIENT, "From": "+15005550099", "Body": "x"}, 21606),
        ({"To": RECIPIENT, "From": "own"}, 21602),
        ({"To": RECIPIENT, "From": "own", "Body": "x" * 1601}, 21617),
    ],
)
def test_codes_of_refusal(sandbox_server: SandboxServer, form: dict[str, str], code: int) -> None:
    if form.get("From") == "own":
        form["From"] = sandbox_server.credentials.twilio_from
    answer = post(sandbox_server, data=form)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_longest_body_is_taken(sandbox_server: SandboxServer) -> None:
    form = {"To": RECIPIENT, "From": sandbox_server.credentials.twilio_from, "Body": "x" * 1600}
    answer = post(sandbox_server, data=form)
    assert (answer.status_code, answer.json()["num_segments"]) == (201, "11")


def test_json_holds_no_parameters(sandbox_server: SandboxServer) -> None:
    body = {"To": RECIPIENT, "From": sandbox_server.credentials.twilio_from, "Body": "x"}
    assert post(sandbox_server, json=body).json()["code"] == 21604


def test_wrong_credentials(sandbox_server: SandboxServer) -> None:
    sid = sandbox_server.credentials.twilio_account_sid
    for auth in ((sid, "wrong"), None):
        answer = post(sandbox_server, data={}, auth=auth)
        assert (answer.status_code, answer.json()["code"]) == (401, 20003)


def test_unknown_message(twilio: Client) -> None:
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages("SM" + "0" * 32).fetch()
    assert (refused.value.status, refused.value.code) == (404, 20404)


def test_bad_date_is_refused(sandbox_server: SandboxServer) -> None:
    assert get_list(sandbox_server, {"DateSent>": "yesterday"}).json()["code"] == 20001


def test_lost_answer_is_found_again(twilio: Client, sandbox_server: SandboxServer) -> None:
    sandbox_server.faults("sms", method="POST", disconnect=True, after=True, times=1)
    sender = sandbox_server.credentials.twilio_from
    with pytest.raises(OSError, match="Connection"):
        twilio.messages.create(to=RECIPIENT, from_=sender, body="once")
    assert [message.body for message in twilio.messages.list(to=RECIPIENT)] == ["once"]


def post(server: SandboxServer, **request: Any) -> httpx.Response:
    credentials = server.credentials
    request.setdefault("auth", (credentials.twilio_account_sid, credentials.twilio_auth_token))
    path = f"/twilio/2010-04-01/Accounts/{credentials.twilio_account_sid}/Messages.json"
    return httpx.post(server.url + path, **request)


def get_list(server: SandboxServer, query: dict[str, str]) -> httpx.Response:
    credentials = server.credentials
    path = f"/twilio/2010-04-01/Accounts/{credentials.twilio_account_sid}/Messages.json"
    auth = (credentials.twilio_account_sid, credentials.twilio_auth_token)
    return httpx.get(server.url + path, params=query, auth=auth)


@pytest.mark.parametrize(
    ("body", "segments"),
    [("x" * 160, 1), ("x" * 161, 2), ("€" * 80, 1), ("€" * 81, 2), ("가" * 70, 1), ("가" * 71, 2), ("😀" * 36, 2)],
)
def test_segments(body: str, segments: int) -> None:
    assert count_segments(body) == segments
