"""The one-time page on which a viewer's account is handed over."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.pages.rendering import render
from sandbox.platform_api.credentials import digest, hash_password, new_password
from sandbox.platform_api.database import Connection, PlatformDatabase, Row
from sandbox.platform_api.endpoints import viewer_role
from sandbox.platform_api.texts import Texts, preferred_language
from sandbox.platform_api.tokens import issue_token

_FIND = """
    SELECT h.expires_at, a.name, a.language
      FROM platform_api.handovers AS h JOIN platform_api.accounts AS a USING (account_id)
      JOIN platform_api.endpoints AS e USING (slug)
     WHERE h.token_hash = %s AND h.used_at IS NULL AND h.voided_at IS NULL AND h.expires_at > now()
"""
# One statement: of two who press at once, the second waits for the row and then finds it used.
_USE = """
    UPDATE platform_api.handovers AS h SET used_at = now()
      FROM platform_api.accounts AS a JOIN platform_api.endpoints AS e USING (slug)
     WHERE h.account_id = a.account_id
       AND h.token_hash = %s AND h.used_at IS NULL AND h.voided_at IS NULL AND h.expires_at > now()
 RETURNING a.account_id, a.slug, a.language, a.username, e.schema_name
"""


class HandoverPages:
    """Shows a button, and behind it, once, the credentials."""

    def __init__(self, database: PlatformDatabase, zone: ZoneInfo) -> None:
        self._database = database
        self._zone = zone

    def routes(self) -> list[BaseRoute]:
        """Return the addresses and who answers there."""
        return [
            Route("/platform/handover/{token}", self.show, methods=["GET"]),
            Route("/platform/handover/{token}", self.hand_over, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the button. Changes nothing: mail scanners open links too."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(_FIND, (digest(request.path_params["token"]),))
            account = await cursor.fetchone()
        if account is None:
            return _gone(request)
        return render("handover.html", t=Texts(account["language"]), account=account, zone=self._zone)

    async def hand_over(self, request: Request) -> Response:
        """Make password and API token and show them, this once; whatever the account had before stops working."""
        password = new_password()
        password_hash = await asyncio.to_thread(hash_password, password)
        async with self._database.transaction() as connection:
            cursor = await connection.execute(_USE, (digest(request.path_params["token"]),))
            account = await cursor.fetchone()
            if account is None:
                return _gone(request)
            api_token = await _renew_credentials(connection, account, password_hash)
        secrets = {"username": account["username"], "password": password, "api_token": api_token}
        return render("handed_over.html", t=Texts(account["language"]), secrets=secrets)


async def _renew_credentials(connection: Connection, account: Row, password_hash: str) -> str:
    """Set the password, end all tokens and sessions of before, and return a new API token."""
    account_id = account["account_id"]
    await connection.execute(
        "UPDATE platform_api.accounts SET password_hash = %s WHERE account_id = %s", (password_hash, account_id)
    )
    await connection.execute("DELETE FROM platform_api.tokens WHERE account_id = %s", (account_id,))
    token, _never = await issue_token(
        connection, kind="account", slug=account["slug"], role_name=viewer_role(account), account_id=account_id
    )
    return token


def _gone(request: Request) -> Response:
    t = Texts(preferred_language(request.headers.get("accept-language", "")))
    title, text = t("handover_gone_title"), t("handover_gone_text")
    return render("message.html", status=HTTPStatus.GONE, t=t, title=title, text=text, login=False)
