"""What the SMS client leaves in the log."""

import logging
from datetime import UTC, datetime

import pytest

from include.clients.twilio_sms import TwilioSms
from sandbox.testing import SandboxServer

NUMBER = "+821012345678"


def test_customers_numbers_do_not_reach_the_log(
    sandbox_server: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    account = sandbox_server.credentials
    sms = TwilioSms(
        base_url=f"{sandbox_server.url}/twilio",
        account_sid=account.twilio_account_sid,
        auth_token=account.twilio_auth_token,
        sender=account.twilio_from,
    )
    with caplog.at_level(logging.INFO):
        sid = sms.send(to=NUMBER, body="ready")
        assert sms.find(to=NUMBER, body="ready", since=datetime.now(UTC)) == sid
    assert sid in caplog.text
    assert NUMBER.removeprefix("+") not in caplog.text
