"""Logging in and out of the dashboard."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from datetime import timedelta
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.pages.rendering import render
from sandbox.platform_api.credentials import digest, password_matches
from sandbox.platform_api.database import PlatformDatabase, Row
from sandbox.platform_api.endpoints import require_endpoint, viewer_role
from sandbox.platform_api.texts import Texts, preferred_language
from sandbox.platform_api.tokens import issue_token

SESSION_COOKIE = "platform_session"
_SESSION_LIFETIME = timedelta(hours=12)
_ATTEMPTS, _ATTEMPT_WINDOW_SECONDS = 5, 300.0
_REMEMBERED_NAMES = 1000


class SessionPages:
    """The log-in form, and what ends a session."""

    def __init__(self, database: PlatformDatabase) -> None:
        self._database = database
        self._failures = FailedLogins()

    def routes(self) -> list[BaseRoute]:
        """Return the addresses and who answers there."""
        return [
            Route("/platform/login", self.show_login, methods=["GET"]),
            Route("/platform/login", self.log_in, methods=["POST"]),
            Route("/platform/logout", self.log_out, methods=["POST"]),
        ]

    async def show_login(self, request: Request) -> Response:
        """Show the log-in form."""
        return render("login.html", t=_texts(request), error="", username=request.query_params.get("username", ""))

    async def log_in(self, request: Request) -> Response:
        """Check the password and open a session of twelve hours."""
        form = await request.form()
        username, password = str(form.get("username", "")), str(form.get("password", ""))
        t = _texts(request)
        if self._failures.too_many(username):
            return _login_refused(t, "login_too_many", username, HTTPStatus.TOO_MANY_REQUESTS)
        account = await self._account(username)
        right = await asyncio.to_thread(password_matches, password, account["password_hash"] if account else None)
        if account is None or not right:
            self._failures.add(username)
            return _login_refused(t, "login_failed", username, HTTPStatus.UNAUTHORIZED)
        async with self._database.transaction() as connection:
            endpoint = await require_endpoint(connection, account["slug"])
            session, _expires_at = await issue_token(
                connection,
                kind="session",
                slug=account["slug"],
                role_name=viewer_role(endpoint),
                account_id=account["account_id"],
                lifetime=_SESSION_LIFETIME,
            )
        response = RedirectResponse(f"/platform/dashboard/{account['slug']}", HTTPStatus.SEE_OTHER)
        response.set_cookie(
            SESSION_COOKIE,
            session,
            max_age=int(_SESSION_LIFETIME.total_seconds()),
            path="/platform",
            httponly=True,
            samesite="lax",
        )
        return response

    async def log_out(self, request: Request) -> Response:
        """End the session."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM platform_api.tokens WHERE token_hash = %s AND kind = 'session'",
                (digest(request.cookies.get(SESSION_COOKIE, "")),),
            )
        response = RedirectResponse("/platform/login", HTTPStatus.SEE_OTHER)
        response.delete_cookie(SESSION_COOKIE, path="/platform")
        return response

    async def _account(self, username: str) -> Row | None:
        if "\x00" in username:
            return None
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "SELECT account_id, slug, password_hash FROM platform_api.accounts WHERE username = %s", (username,)
            )
            return await cursor.fetchone()


class FailedLogins:
    """Holds off whoever guesses passwords: five failures in five minutes per user name."""

    def __init__(self) -> None:
        self._failed_at: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_ATTEMPTS))

    def add(self, username: str) -> None:
        """Count a failure."""
        if len(self._failed_at) > _REMEMBERED_NAMES:
            self._failed_at.clear()
        self._failed_at[username].append(time.monotonic())

    def too_many(self, username: str) -> bool:
        """Tell whether the name has to wait."""
        failed_at = self._failed_at.get(username, deque())
        return len(failed_at) == _ATTEMPTS and time.monotonic() - failed_at[0] < _ATTEMPT_WINDOW_SECONDS


def _texts(request: Request) -> Texts:
    return Texts(preferred_language(request.headers.get("accept-language", "")))


def _login_refused(t: Texts, error: str, username: str, status: HTTPStatus) -> Response:
    return render("login.html", status=status, t=t, error=t(error), username=username)
