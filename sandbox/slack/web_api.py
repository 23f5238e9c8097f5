"""The Web API methods that posting messages needs. Refusals are HTTP 200 with ``ok: false``, as Slack's are."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.config import SlackSettings
from sandbox.slack.messages import BOT_ID, BOT_USER_ID, MessageRefused, PostedMessage, Workspace, check_message

TEAM_ID = "T0SANDBOX01"
_JSON_ARGUMENTS = ("blocks", "attachments", "metadata")

Arguments = Mapping[str, object]
Method = Callable[[Arguments], dict[str, object]]


class WebApi:
    """The methods, for one bot token."""

    def __init__(self, settings: SlackSettings, workspace: Workspace) -> None:
        self._settings = settings
        self._workspace = workspace
        self._methods: dict[str, Method] = {
            "api.test": lambda arguments: {"args": dict(arguments)},
            "auth.test": self._auth_test,
            "chat.postMessage": self._post_message,
            "chat.update": self._update,
            "conversations.list": self._list_conversations,
            "conversations.history": self._history,
        }

    def routes(self) -> list[BaseRoute]:
        """Return the addresses and who answers there."""
        return [Route("/slack/api/{method}", self.call, methods=["GET", "POST"])]

    async def call(self, request: Request) -> Response:
        """Run one method."""
        method = self._methods.get(request.path_params["method"])
        if method is None:
            return JSONResponse({"ok": False, "error": "unknown_method", "req_method": request.path_params["method"]})
        try:
            arguments, form_token, warnings = await _arguments(request)
            self._check_token(request.headers.get("authorization", ""), form_token)
            answer = {"ok": True, **method(arguments), **warnings}
        except MessageRefused as refused:
            answer = {"ok": False, "error": refused.error}
            if refused.details:
                answer |= {"errors": refused.details, "response_metadata": {"messages": refused.details}}
        return JSONResponse(answer, headers={"x-oauth-scopes": "chat:write,channels:read,channels:history"})

    def _check_token(self, authorization: str, form_token: str) -> None:
        scheme, _separator, header_token = authorization.partition(" ")
        token = header_token if scheme.lower() == "bearer" else form_token
        if not token:
            raise MessageRefused("not_authed")
        if not self._settings.token or not hmac.compare_digest(token.encode(), self._settings.token.encode()):
            raise MessageRefused("invalid_auth")

    def _auth_test(self, _arguments: Arguments) -> dict[str, object]:
        return {
            "url": "https://sandbox.slack.com/",
            "team": "Platform Ops sandbox",
            "user": "platform_ops",
            "team_id": TEAM_ID,
            "user_id": BOT_USER_ID,
            "bot_id": BOT_ID,
            "is_enterprise_install": False,
        }

    def _post_message(self, arguments: Arguments) -> dict[str, object]:
        channel = self._workspace.channel(_required(arguments, "channel"))
        check_message(arguments)
        return _posted(self._workspace.post(channel, arguments, source="web_api"))

    def _update(self, arguments: Arguments) -> dict[str, object]:
        # Unlike chat.postMessage, this method takes the channel's id only.
        channel = self._workspace.channel(_required(arguments, "channel"), by_name=False)
        ts = _required(arguments, "ts")
        check_message(arguments)
        answer = _posted(self._workspace.update(channel, ts, arguments))
        return {**answer, "text": str(arguments.get("text") or "")}

    def _list_conversations(self, arguments: Arguments) -> dict[str, object]:
        limit = _number(arguments, "limit", 100)
        start = _number(arguments, "cursor", 0)
        channels = self._workspace.channels[start : start + limit]
        more = start + limit < len(self._workspace.channels)
        return {
            "channels": [
                {
                    "id": channel.channel_id,
                    "name": channel.name,
                    "name_normalized": channel.name,
                    "is_channel": True,
                    "is_private": False,
                    "is_archived": False,
                    "is_general": channel.name == "general",
                    "is_member": True,
                }
                for channel in channels
            ],
            "response_metadata": {"next_cursor": str(start + limit) if more else ""},
        }

    def _history(self, arguments: Arguments) -> dict[str, object]:
        channel = self._workspace.channel(_required(arguments, "channel"), by_name=False)
        newest_first = reversed(self._workspace.messages(channel.channel_id))
        limit = _number(arguments, "limit", 100)
        messages = [{"type": "message", "bot_id": BOT_ID, **message} for message in newest_first]
        return {"messages": messages[:limit], "has_more": len(messages) > limit}


async def _arguments(request: Request) -> tuple[dict[str, object], str, dict[str, object]]:
    """Return the call's arguments, the token if a form held one, and warnings for the answer.

    A token inside a JSON body does not count: Slack ignores it there.
    """
    content_type = request.headers.get("content-type", "").lower()
    body = await request.body()
    if content_type.startswith("application/json") and body:
        arguments = _json_object(body)
        arguments.pop("token", None)
        missing_charset = "charset" not in content_type
        return arguments, "", {"warning": "missing_charset"} if missing_charset else {}
    is_form = content_type.startswith(("application/x-www-form-urlencoded", "multipart/form-data"))
    if body and not is_form:
        raise MessageRefused("invalid_post_type" if content_type else "missing_post_type")
    form = dict(request.query_params) | (dict(await request.form()) if is_form else {})
    token = str(form.pop("token", ""))
    return {name: _decoded(name, value) for name, value in form.items()}, token, {}


def _json_object(body: bytes) -> dict[str, object]:
    try:
        arguments = json.loads(body)
    except ValueError:
        raise MessageRefused("invalid_json") from None
    if not isinstance(arguments, dict):
        raise MessageRefused("json_not_object")
    return arguments


def _decoded(name: str, value: object) -> object:
    """Return a form's value; blocks and attachments are JSON inside the form."""
    if name not in _JSON_ARGUMENTS or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise MessageRefused("invalid_blocks_format" if name == "blocks" else "invalid_array_arg") from None


def _required(arguments: Arguments, name: str) -> str:
    value = arguments.get(name)
    if value is None or value == "":
        details = [f"[ERROR] missing required field: {name}"]
        raise MessageRefused("channel_not_found" if name == "channel" else "invalid_arguments", details)
    if not isinstance(value, str):
        raise MessageRefused("invalid_arguments", [f"[ERROR] must be a string [json-pointer:/{name}]"])
    return value


def _number(arguments: Arguments, name: str, default: int) -> int:
    text = str(arguments.get(name) or default)
    if not text.isdecimal():
        raise MessageRefused("invalid_cursor" if name == "cursor" else "invalid_limit")
    return int(text)


def _posted(message: PostedMessage) -> dict[str, object]:
    return {
        "channel": message.channel.channel_id,
        "ts": message.ts,
        "message": {
            "type": "message",
            "subtype": "bot_message",
            "bot_id": BOT_ID,
            "user": BOT_USER_ID,
            "ts": message.ts,
            "text": message.content.get("text") or "",
            **{key: value for key, value in message.content.items() if key != "text"},
        },
    }
