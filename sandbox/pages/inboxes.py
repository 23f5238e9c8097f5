"""The inboxes: everything that was sent, as pages for people and as JSON for tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.config import SandboxSettings
from sandbox.mail.store import MailStore
from sandbox.pages.mrkdwn import block_views
from sandbox.pages.rendering import render
from sandbox.slack.messages import Workspace
from sandbox.twilio.messages import MessageFilter, MessageStore, as_resource

_SHOWN = 200
# What a mail brings is shown without scripts, forms or anything from elsewhere; links open beside the inbox.
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups allow-popups-to-escape-sandbox"
)


class Inboxes:
    """Mail, text messages and chat."""

    def __init__(self, settings: SandboxSettings, *, mails: MailStore, sms: MessageStore, workspace: Workspace) -> None:
        self._settings = settings
        self._mails = mails
        self._sms = sms
        self._workspace = workspace

    def routes(self) -> list[BaseRoute]:
        """Return the addresses and who answers there."""
        return [
            Route("/", self.show_index, methods=["GET"]),
            Route("/mail", self.show_mail, methods=["GET"]),
            Route("/mail/api/messages", self.list_mail, methods=["GET"]),
            Route("/mail/api/messages", self.clear_mail, methods=["DELETE"]),
            Route("/mail/api/messages/{mail_id:int}", self.read_mail, methods=["GET"]),
            Route("/mail/api/messages/{mail_id:int}/raw", self.read_raw_mail, methods=["GET"]),
            Route("/mail/{mail_id:int}", self.show_mail, methods=["GET"]),
            Route("/mail/{mail_id:int}/html", self.show_mail_body, methods=["GET"]),
            Route("/sms", self.show_sms, methods=["GET"]),
            Route("/sms/api/messages", self.list_sms, methods=["GET"]),
            Route("/slack", self.show_slack, methods=["GET"]),
            Route("/slack/messages", self.list_slack, methods=["GET"]),
        ]

    async def show_index(self, _request: Request) -> Response:
        """Explain what is played here."""
        settings = self._settings
        return render(
            "index.html",
            settings=settings,
            off=settings.services_without_credentials(),
            counts={
                "mail": self._mails.count(),
                "sms": len(self._sms.page(MessageFilter(), offset=0, size=_SHOWN)),
                "slack": len(self._workspace.messages()),
            },
        )

    async def show_mail(self, request: Request) -> Response:
        """Show the inbox with one mail open, the newest unless another is named."""
        wanted_id = request.path_params.get("mail_id")
        mails = self._mails.newest(recipient=request.query_params.get("to", ""), limit=_SHOWN)
        opened = self._mails.get(wanted_id) if wanted_id else (mails[0] if mails else None)
        if wanted_id and opened is None:
            return _no_such_mail()
        return render(
            "mail.html",
            mails=mails,
            opened=opened,
            recipient=request.query_params.get("to", ""),
            zone=self._settings.zone,
        )

    async def show_mail_body(self, request: Request) -> Response:
        """Show a mail's HTML, for the frame of the inbox."""
        mail = self._mails.get(request.path_params["mail_id"])
        if mail is None:
            return _no_such_mail()
        body = mail.html.replace("<head>", '<head><base target="_blank">', 1)
        return HTMLResponse(body, headers={"content-security-policy": _MAIL_POLICY, "referrer-policy": "no-referrer"})

    async def list_mail(self, request: Request) -> Response:
        """List mail whole, newest first; filters: ``to``, ``subject``, ``after_id``, ``limit``."""
        query = request.query_params
        mails = self._mails.newest(
            recipient=query.get("to", ""),
            subject=query.get("subject", ""),
            after_id=_number(query, "after_id", 0),
            limit=_number(query, "limit", _SHOWN),
        )
        return JSONResponse({"messages": [mail.as_document() for mail in mails]})

    async def clear_mail(self, _request: Request) -> Response:
        """Empty the inbox."""
        self._mails.clear()
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def read_mail(self, request: Request) -> Response:
        """Return one mail."""
        mail = self._mails.get(request.path_params["mail_id"])
        return JSONResponse(mail.as_document()) if mail else _no_such_mail()

    async def read_raw_mail(self, request: Request) -> Response:
        """Return one mail as it came over the wire."""
        mail = self._mails.get(request.path_params["mail_id"])
        return Response(mail.raw, media_type="message/rfc822") if mail else _no_such_mail()

    async def show_sms(self, _request: Request) -> Response:
        """Show the text messages, one conversation per number."""
        conversations: dict[str, list[dict[str, object]]] = {}
        for message in reversed(self._sms_messages()):
            conversations.setdefault(str(message["to"]), []).append(message)
        newest_first = dict(sorted(conversations.items(), key=lambda item: str(item[1][-1]["at"]), reverse=True))
        return render("sms.html", conversations=newest_first, zone=self._settings.zone)

    async def list_sms(self, request: Request) -> Response:
        """List text messages, newest first; filter: ``to``."""
        wanted = request.query_params.get("to", "")
        return JSONResponse({"messages": [sms for sms in self._sms_messages() if wanted in str(sms["to"])]})

    async def show_slack(self, request: Request) -> Response:
        """Show one channel; the one with the newest message unless another is named."""
        messages = self._workspace.messages()
        channels = {channel.channel_id: channel.name for channel in self._workspace.channels}
        channels |= {str(message["channel"]): str(message["channel_name"]) for message in messages}
        newest = str(messages[-1]["channel"]) if messages else next(iter(channels))
        opened = request.query_params.get("channel", newest)
        shown = [
            {**message, "views": block_views(message)} for message in messages[-_SHOWN:] if message["channel"] == opened
        ]
        counts = {channel_id: sum(message["channel"] == channel_id for message in messages) for channel_id in channels}
        return render(
            "slack.html", channels=channels, counts=counts, opened=opened, messages=shown, zone=self._settings.zone
        )

    async def list_slack(self, request: Request) -> Response:
        """List chat messages, oldest first; filter: ``channel`` (a channel's id)."""
        return JSONResponse({"messages": self._workspace.messages(request.query_params.get("channel", ""))})

    def _sms_messages(self) -> list[dict[str, object]]:
        rows = self._sms.page(MessageFilter(), offset=0, size=_SHOWN)
        account_sid = self._settings.twilio.account_sid
        return [
            as_resource(row, account_sid) | {"at": datetime.fromtimestamp(row["created_at"], UTC).isoformat()}
            for row in rows
        ]


def _no_such_mail() -> Response:
    return JSONResponse({"error": "there is no such mail"}, HTTPStatus.NOT_FOUND)


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isdecimal() else default
