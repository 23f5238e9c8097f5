"""The viewer's dashboard of one event."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.pages.rendering import render
from sandbox.platform_api import event_queries as queries
from sandbox.platform_api.charts import hourly_chart
from sandbox.platform_api.database import Connection, PlatformDatabase, Row
from sandbox.platform_api.endpoints import require_endpoint
from sandbox.platform_api.errors import PlatformError
from sandbox.platform_api.sessions import SESSION_COOKIE
from sandbox.platform_api.texts import Texts, preferred_language
from sandbox.platform_api.tokens import find_token

_CHART_HOURS = 24


class DashboardPages:
    """Shows an event's figures under the database role of the viewer who logged in."""

    def __init__(self, database: PlatformDatabase, zone: ZoneInfo) -> None:
        self._database = database
        self._zone = zone

    def routes(self) -> list[BaseRoute]:
        """Return the addresses and who answers there."""
        return [Route("/platform/dashboard/{slug}", self.show_dashboard, methods=["GET"])]

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


def error_page(request: Request, error: PlatformError) -> Response:
    """Return a refusal as a page."""
    t = Texts(preferred_language(request.headers.get("accept-language", "")))
    known = {HTTPStatus.FORBIDDEN: "error_403", HTTPStatus.NOT_FOUND: "error_404"}
    title = t(known.get(error.status, "error_503"))
    return render("message.html", status=error.status, t=t, title=title, text=t("error_text"), login=True)


async def _language_of(connection: Connection, account_id: str | None) -> str:
    cursor = await connection.execute("SELECT language FROM platform_api.accounts WHERE account_id = %s", (account_id,))
    row = await cursor.fetchone()
    return str(row["language"]) if row else ""


def _phase(event: Row) -> str:
    now = datetime.now(UTC)
    if now < event["starts_at"]:
        return "upcoming"
    return "live" if now <= event["ends_at"] else "over"
