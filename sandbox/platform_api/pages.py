"""Pages for the event's people: hand-over, log-in and dashboard."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.pages.rendering import render
from sandbox.platform_api import event_queries as queries
from sandbox.platform_api.charts import hourly_chart
from sandbox.platform_api.credentials import digest, hash_password, new_password, password_matches
from sandbox.platform_api.database import Connection, PlatformDatabase, Row
from sandbox.platform_api.endpoints import find_endpoint, require_endpoint, viewer_role
from sandbox.platform_api.errors import PlatformError
from sandbox.platform_api.texts import Texts, preferred_language
from sandbox.platform_api.tokens import find_token, issue_token

SESSION_COOKIE = "platform_session"
_SESSION_LIFETIME = timedelta(hours=12)
_CHART_HOURS = 24
_ATTEMPTS, _ATTEMPT_WINDOW_SECONDS = 5, 300.0

_FIND_HANDOVER = (
    "SELECT h.expires_at, a.account_id, a.slug, a.name, a.language, a.username"
    " FROM platform_api.handovers AS h JOIN platform_api.accounts AS a USING (account_id)"
    " WHERE h.token_hash = %s AND h.used_at IS NULL AND h.voided_at IS NULL AND h.expires_at > now()"
)
_USE_HANDOVER = (
    "UPDATE platform_api.handovers SET used_at = now()"
    " WHERE token_hash = %s AND used_at IS NULL AND voided_at IS NULL AND expires_at > now()"
)


class ViewerPages:
    """What a customer sees of the platform."""

    def __init__(self, database: PlatformDatabase, zone: ZoneInfo) -> None:
        self._database = database
        self._zone = zone
        self._failures = FailedLogins()

    def routes(self) -> list[BaseRoute]:
        """Return the addresses and who answers there."""
        return [
            Route("/platform/handover/{token}", self.show_handover, methods=["GET"]),
            Route("/platform/handover/{token}", self.hand_over, methods=["POST"]),
            Route("/platform/login", self.show_login, methods=["GET"]),
            Route("/platform/login", self.log_in, methods=["POST"]),
            Route("/platform/logout", self.log_out, methods=["POST"]),
            Route("/platform/dashboard/{slug}", self.show_dashboard, methods=["GET"]),
        ]

    async def show_handover(self, request: Request) -> Response:
        """Show the button. Changes nothing: mail scanners open links too."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(_FIND_HANDOVER, (digest(request.path_params["token"]),))
            account = await cursor.fetchone()
        if account is None:
            return _gone(request)
        return render("handover.html", t=Texts(account["language"]), account=account, zone=self._zone)

    async def hand_over(self, request: Request) -> Response:
        """Make password and API token and show them, this once; whatever the account had before stops working."""
        token_hash, password = digest(request.path_params["token"]), new_password()
        password_hash = await asyncio.to_thread(hash_password, password)
        async with self._database.transaction() as connection:
            cursor = await connection.execute(_FIND_HANDOVER, (token_hash,))
            account = await cursor.fetchone()
            used = (await connection.execute(_USE_HANDOVER, (token_hash,))).rowcount
            endpoint = await find_endpoint(connection, account["slug"]) if account else None
            # The row lock of the UPDATE decides between two who press at once: one of them changes no row.
            if account is None or endpoint is None or used != 1:
                return _gone(request)
            account_id = account["account_id"]
            await connection.execute(
                "UPDATE platform_api.accounts SET password_hash = %s WHERE account_id = %s", (password_hash, account_id)
            )
            await connection.execute("DELETE FROM platform_api.tokens WHERE account_id = %s", (account_id,))
            api_token, _never = await issue_token(
                connection,
                kind="account",
                slug=account["slug"],
                role_name=viewer_role(endpoint),
                account_id=account_id,
            )
        secrets = {"username": account["username"], "password": password, "api_token": api_token}
        return render("handed_over.html", t=Texts(account["language"]), account=account, secrets=secrets)

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

    async def show_dashboard(self, request: Request) -> Response:
        """Show an event to a viewer."""
        try:
            async with self._database.transaction() as connection:
                viewer = await find_token(connection, request.cookies.get(SESSION_COOKIE, ""))
                endpoint = await require_endpoint(connection, request.path_params["slug"])
                language = await _language_of(connection, viewer.account_id)
        except PlatformError as error:
            if error.status is HTTPStatus.UNAUTHORIZED:
                return RedirectResponse("/platform/login", HTTPStatus.SEE_OTHER)
            raise
        schema = endpoint["schema_name"]
        async with self._database.transaction_as(viewer.role_name) as connection:
            event = await queries.read_event(connection, schema)
            gates = await queries.read_gates(connection, schema)
            statuses = await queries.read_participant_statuses(connection, schema)
            hours = await queries.read_entries_per_hour(connection, schema, hours=_CHART_HOURS)
        return render(
            "dashboard.html",
            t=Texts(language),
            event=event,
            phase=_phase(event),
            gates=gates,
            statuses=statuses,
            chart=hourly_chart(hours, self._zone),
            chart_hours=_CHART_HOURS,
            zone=self._zone,
            now=datetime.now(self._zone),
        )

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
        if len(self._failed_at) > 1000:
            self._failed_at.clear()
        self._failed_at[username].append(time.monotonic())

    def too_many(self, username: str) -> bool:
        """Tell whether the name has to wait."""
        failed_at = self._failed_at.get(username, deque())
        return len(failed_at) == _ATTEMPTS and time.monotonic() - failed_at[0] < _ATTEMPT_WINDOW_SECONDS


def error_page(request: Request, error: PlatformError) -> Response:
    """Return a refusal as a page."""
    t = _texts(request)
    known = {HTTPStatus.FORBIDDEN: "error_403", HTTPStatus.NOT_FOUND: "error_404"}
    title = t(known.get(error.status, "error_503"))
    return render("message.html", status=error.status, t=t, title=title, text=t("error_text"), login=True)


async def _language_of(connection: Connection, account_id: str | None) -> str:
    cursor = await connection.execute("SELECT language FROM platform_api.accounts WHERE account_id = %s", (account_id,))
    row = await cursor.fetchone()
    return str(row["language"]) if row else ""


def _texts(request: Request) -> Texts:
    return Texts(preferred_language(request.headers.get("accept-language", "")))


def _gone(request: Request) -> Response:
    t = _texts(request)
    title, text = t("handover_gone_title"), t("handover_gone_text")
    return render("message.html", status=HTTPStatus.GONE, t=t, title=title, text=text, login=False)


def _login_refused(t: Texts, error: str, username: str, status: HTTPStatus) -> Response:
    return render("login.html", status=status, t=t, error=t(error), username=username)


def _phase(event: Row) -> str:
    now = datetime.now(UTC)
    if now < event["starts_at"]:
        return "upcoming"
    return "live" if now <= event["ends_at"] else "over"
