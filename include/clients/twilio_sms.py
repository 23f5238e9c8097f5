"""SMS through Twilio's own SDK, which can be pointed at another address, and which never sends one message twice."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, Protocol

import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from include.clients.errors import ClientError, Unreachable
from include.clients.http import error_for

log = logging.getLogger(__name__)
# At INFO the SDK writes whole queries, customers' numbers among them.
_sdk_log = log.getChild("sdk")
_sdk_log.setLevel(logging.WARNING)

SERVICE = "Twilio"
TWILIO_HOST = "https://api.twilio.com"
TIMEOUT_SECONDS = 10.0
# Twilio's limit for a message body (error 21617).
LONGEST_BODY = 1600
MOST_LOOKED_AT = 50
# Our clock and Twilio's may differ.
CLOCK_TOLERANCE = timedelta(minutes=10)


class SmsSender(Protocol):
    """Anything that sends SMS."""

    def send(self, *, to: str, body: str) -> str:
        """Send a message and return the provider's id of it."""
        ...

    def find(self, *, to: str, body: str, since: datetime) -> str | None:
        """Return the id of an equal message that was sent since then, None when there is none."""
        ...


class _RebasedHttpClient(TwilioHttpClient):  # type: ignore[misc]  # the SDK has no type information
    """Sends the SDK's requests to another server; the SDK itself can only vary the name in front of twilio.com."""

    def __init__(self, base_url: str) -> None:
        super().__init__(timeout=TIMEOUT_SECONDS, logger=_sdk_log)
        self._base_url = base_url.rstrip("/")

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        return super().request(method, url.replace(TWILIO_HOST, self._base_url, 1), *args, **kwargs)


class TwilioSms:
    """Messages from one number of one account. Every call raises a ClientError when it fails."""

    def __init__(self, *, account_sid: str, auth_token: str, sender: str, base_url: str = TWILIO_HOST) -> None:
        self._sender = sender
        self._client = Client(account_sid, auth_token, http_client=_RebasedHttpClient(base_url))

    def send(self, *, to: str, body: str) -> str:
        """Hand a message to Twilio and return its SID: queued then, not yet delivered.

        `body` is cut to Twilio's 1600 characters.
        """
        try:
            message = self._client.messages.create(to=to, from_=self._sender, body=body[:LONGEST_BODY])
        except TwilioRestException as error:
            raise _translated(error) from error
        except requests.RequestException as error:
            raise Unreachable(SERVICE, str(error) or type(error).__name__) from error
        log.info("SMS %s handed over", message.sid)
        return str(message.sid)

    def find(self, *, to: str, body: str, since: datetime) -> str | None:
        """Look for an equal message to the same number since then: after a lost answer, the only way to know."""
        try:
            # Not filtered by DateSent: a message that is still queued has none.
            messages = self._client.messages.list(to=to, from_=self._sender, limit=MOST_LOOKED_AT)
        except TwilioRestException as error:
            raise _translated(error) from error
        except requests.RequestException as error:
            raise Unreachable(SERVICE, str(error) or type(error).__name__) from error
        wanted, earliest = body[:LONGEST_BODY], since - CLOCK_TOLERANCE
        return next((str(sent.sid) for sent in messages if sent.body == wanted and sent.date_created >= earliest), None)


def _translated(error: TwilioRestException) -> ClientError:
    # Twilio's own code is worth more to a reader than the status (21211 = no valid number), but is not programmed on.
    return error_for(SERVICE, int(error.status), f"{error.msg} (code {error.code})")
