"""Incoming webhooks: JSON in, one of Slack's fixed words out.

The words are those of https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors.
"""

from __future__ import annotations

import hmac
import json
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.config import SlackSettings
from sandbox.slack.messages import MessageRefused, Workspace, check_message

# no_text and invalid_blocks are Slack's own; what has no word of its own there is an invalid payload.
_TEXT_ANSWERS = frozenset({"no_text", "invalid_blocks", "too_many_attachments", "msg_too_long"})


class Webhooks:
    """One webhook address; its channel, name and icon were fixed when it was made, whatever a message says."""

    def __init__(self, settings: SlackSettings, workspace: Workspace) -> None:
        self._settings = settings
        self._workspace = workspace

    def routes(self) -> list[BaseRoute]:
        """Return the addresses and who answers there."""
        return [Route("/slack/services/{address:path}", self.receive, methods=["POST"])]

    async def receive(self, request: Request) -> Response:
        """Post the message to the webhook's channel."""
        if not hmac.compare_digest(request.path_params["address"].encode(), self._settings.webhook.encode()):
            return _answer("no_service", HTTPStatus.NOT_FOUND)
        try:
            message = _payload(await request.body(), request.headers.get("content-type", ""))
        except ValueError:
            return _answer("invalid_payload", HTTPStatus.BAD_REQUEST)
        try:
            check_message(message)
            channel = self._workspace.channel(self._settings.webhook_channel)
        except MessageRefused as refused:
            if refused.error == "channel_not_found":
                return _answer(refused.error, HTTPStatus.NOT_FOUND)
            word = refused.error if refused.error in _TEXT_ANSWERS else "invalid_payload"
            return _answer(word, HTTPStatus.BAD_REQUEST)
        self._workspace.post(channel, message, source="webhook")
        return _answer("ok", HTTPStatus.OK)


def _payload(body: bytes, content_type: str) -> dict[str, object]:
    """Return the message; a form's field ``payload`` holds it as JSON.

    Raises ValueError when there is no JSON object.
    """
    text = body.decode("utf-8")
    if content_type.startswith("application/x-www-form-urlencoded"):
        text = parse_qs(text).get("payload", [""])[0]
    message = json.loads(text)
    if not isinstance(message, dict):
        raise ValueError("payload is no object")
    return message


def _answer(word: str, status: HTTPStatus) -> Response:
    return PlainTextResponse(word, status, media_type="text/html")
