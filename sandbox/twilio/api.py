"""The Messages resource over HTTP. Parameters come form-encoded only: a JSON body holds none."""

from __future__ import annotations

import base64
import binascii
import hmac
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.config import TwilioSettings
from sandbox.state import StateStore
from sandbox.twilio.errors import TwilioError, not_found, unauthorized
from sandbox.twilio.messages import MessageStore, as_resource, check_message, message_filter

_LARGEST_PAGE = 1000
_DEFAULT_PAGE = 50
_LAST_PAGE = 1_000_000


class TwilioApi:
    """One account, its number and its messages."""

    def __init__(self, settings: TwilioSettings, state: StateStore) -> None:
        self._settings = settings
        self._messages = MessageStore(state)

    def routes(self) -> list[BaseRoute]:
        """Return the addresses and who answers there."""
        account = "/twilio/2010-04-01/Accounts/{account_sid}"
        return [
            Route(f"{account}/Messages.json", self.create, methods=["POST"]),
            Route(f"{account}/Messages.json", self.list_messages, methods=["GET"]),
            Route(f"{account}/Messages/{{sid}}.json", self.fetch, methods=["GET"]),
            Route(account + ".json", self.fetch_account, methods=["GET"]),
            Route("/twilio/{path:path}", self.unknown, methods=["GET", "POST", "DELETE"]),
        ]

    async def create(self, request: Request) -> Response:
        """Queue a message: 201 says that it was taken, not that it arrived."""
        try:
            self._authenticate(request)
            message = check_message(await _form(request), owned_sender=self._settings.sender)
        except TwilioError as error:
            return error.response()
        resource = as_resource(self._messages.add(message), self._settings.account_sid)
        return JSONResponse(resource | {"status": "queued", "date_sent": None}, HTTPStatus.CREATED)

    async def list_messages(self, request: Request) -> Response:
        """List messages, newest first, filtered by To, From and DateSent."""
        query = dict(request.query_params)
        try:
            self._authenticate(request)
            wanted = message_filter(query)
        except TwilioError as error:
            return error.response()
        size = min(_whole_number(query.get("PageSize"), _DEFAULT_PAGE) or _DEFAULT_PAGE, _LARGEST_PAGE)
        page = min(_whole_number(query.get("Page"), 0), _LAST_PAGE)
        rows = self._messages.page(wanted, offset=page * size, size=size + 1)
        resources = [as_resource(row, self._settings.account_sid) for row in rows[:size]]

        def uri(number: int) -> str:
            path = f"/2010-04-01/Accounts/{self._settings.account_sid}/Messages.json"
            return f"{path}?{urlencode(query | {'PageSize': str(size), 'Page': str(number)})}"

        return JSONResponse(
            {
                "messages": resources,
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": page * size + max(len(resources) - 1, 0),
                "uri": uri(page),
                "first_page_uri": uri(0),
                "next_page_uri": uri(page + 1) if len(rows) > size else None,
                "previous_page_uri": uri(page - 1) if page else None,
            }
        )

    async def fetch(self, request: Request) -> Response:
        """Return one message."""
        try:
            self._authenticate(request)
        except TwilioError as error:
            return error.response()
        row = self._messages.get(request.path_params["sid"])
        if row is None:
            return not_found(request.url.path.removeprefix("/twilio")).response()
        return JSONResponse(as_resource(row, self._settings.account_sid))

    async def fetch_account(self, request: Request) -> Response:
        """Return the account; clients call this to test their credentials."""
        try:
            self._authenticate(request)
        except TwilioError as error:
            return error.response()
        sid = self._settings.account_sid
        return JSONResponse(
            {
                "sid": sid,
                "friendly_name": "Platform Ops sandbox",
                "status": "active",
                "type": "Full",
                "uri": f"/2010-04-01/Accounts/{sid}.json",
            }
        )

    async def unknown(self, request: Request) -> Response:
        """Answer for everything that is not played."""
        return not_found(request.url.path.removeprefix("/twilio")).response()

    def _authenticate(self, request: Request) -> None:
        login, password = _basic_credentials(request.headers.get("authorization", ""))
        settings = self._settings
        known = bool(settings.account_sid and settings.auth_token)
        right_login = hmac.compare_digest(login.encode(), settings.account_sid.encode())
        right_password = hmac.compare_digest(password.encode(), settings.auth_token.encode())
        if not (known and right_login and right_password):
            raise unauthorized()
        if request.path_params["account_sid"] != settings.account_sid:
            raise not_found(request.url.path.removeprefix("/twilio"))


async def _form(request: Request) -> dict[str, str]:
    content_type = request.headers.get("content-type", "").lower()
    if not content_type.startswith("application/x-www-form-urlencoded"):
        return {}
    return dict(parse_qsl((await request.body()).decode("utf-8", errors="replace")))


def _basic_credentials(authorization: str) -> tuple[str, str]:
    scheme, _separator, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        login, _separator, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return login, password


def _whole_number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default
