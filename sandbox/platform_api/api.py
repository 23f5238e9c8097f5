"""The events platform: its API, its figures and its pages, on one database."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.config import SandboxSettings
from sandbox.platform_api.accounts import Accounts
from sandbox.platform_api.dashboard import DashboardPages, error_page
from sandbox.platform_api.database import PlatformDatabase
from sandbox.platform_api.endpoints import Endpoints
from sandbox.platform_api.errors import PlatformError
from sandbox.platform_api.events import Events
from sandbox.platform_api.handover import HandoverPages
from sandbox.platform_api.metrics import EventMetrics, PlatformMetrics
from sandbox.platform_api.sessions import SessionPages

_FOR_PROGRAMS = ("/platform/v1/", "/platform/events/")


class PlatformApi:
    """Everything below ``/platform``."""

    def __init__(self, settings: SandboxSettings, metrics: PlatformMetrics) -> None:
        self._database = PlatformDatabase(settings.platform.dsn)
        self._routes: list[BaseRoute] = [
            Route("/platform/metrics", metrics.show, methods=["GET"]),
            *Endpoints(settings, self._database).routes(),
            *Accounts(settings, self._database).routes(),
            *EventMetrics(self._database).routes(),
            *Events(self._database).routes(),
            *HandoverPages(self._database, settings.zone).routes(),
            *SessionPages(self._database).routes(),
            *DashboardPages(self._database, settings.zone).routes(),
        ]
        metrics.follow(self._routes)

    def routes(self) -> list[BaseRoute]:
        """Return the addresses and who answers there."""
        return self._routes

    def running(self) -> AbstractAsyncContextManager[None]:
        """Keep the database connections for the duration of the block."""
        return self._database.running()


def answer_refusal(request: Request, error: Exception) -> Response:
    """Answer a PlatformError: JSON for programs, a page for people."""
    if not isinstance(error, PlatformError):
        raise error
    return error.response() if request.url.path.startswith(_FOR_PROGRAMS) else error_page(request, error)
