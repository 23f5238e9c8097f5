"""The platform's figures for Prometheus: of the API as a whole, and of each event."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.platform_api import event_queries as queries
from sandbox.platform_api.database import PlatformDatabase, Row
from sandbox.platform_api.endpoints import require_endpoint
from sandbox.platform_api.errors import PlatformError

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CUT = 499  # nginx's number for "nobody was answered"


class PlatformMetrics:
    """Counts the platform's requests by method, path and status."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "http_requests_total",
            "Requests that the platform answered.",
            ["method", "path", "status"],
            registry=self._registry,
        )
        self._durations = Histogram(
            "http_request_duration_seconds",
            "Time from request to answer.",
            ["method", "path"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._routes: Sequence[BaseRoute] = ()

    def follow(self, routes: Sequence[BaseRoute]) -> None:
        """Take the routes whose templates are the label ``path``: real paths would be without number."""
        self._routes = routes

    def middleware(self) -> Callable[[ASGIApp], ASGIApp]:
        """Return the middleware that counts."""

        def wrap(app: ASGIApp) -> ASGIApp:
            async def counted(scope: Scope, receive: Receive, send: Send) -> None:
                if scope["type"] != "http" or not scope["path"].startswith("/platform/"):
                    await app(scope, receive, send)
                else:
                    await self._count(app, scope, receive, send)

            return counted

        return wrap

    async def show(self, _request: Request) -> Response:
        """Answer Prometheus."""
        return Response(generate_latest(self._registry), headers={"content-type": CONTENT_TYPE_LATEST})

    async def _count(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        status = _CUT
        started = time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, watch)
        finally:
            path = self._template(scope)
            self._requests.labels(scope["method"], path, str(status)).inc()
            self._durations.labels(scope["method"], path).observe(time.perf_counter() - started)

    def _template(self, scope: Scope) -> str:
        for route in self._routes:
            if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
                return route.path
        return "(unknown)"


class EventMetrics:
    """Each event's figures, without a token: they name nobody."""

    def __init__(self, database: PlatformDatabase) -> None:
        self._database = database

    def routes(self) -> list[BaseRoute]:
        """Return the addresses and who answers there."""
        return [Route("/platform/events/{slug}/metrics", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        """Answer Prometheus; an event whose data cannot be read is shown as down."""
        async with self._database.transaction() as connection:
            endpoint = await require_endpoint(connection, request.path_params["slug"])
        try:
            async with self._database.transaction_as(endpoint["role_name"]) as connection:
                event = await queries.read_event(connection, endpoint["schema_name"])
        except PlatformError as error:
            if error.status not in (HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE):
                raise
            return _exposition(_registry_of(None))
        return _exposition(_registry_of(event))


def _registry_of(event: Row | None) -> CollectorRegistry:
    registry = CollectorRegistry()
    up = Gauge("event_api_up", "1 when the event's data can be read under its own role.", registry=registry)
    up.set(event is not None)
    if event is None:
        return registry
    gauges = {
        "event_participants": ("Participants who did not cancel.", event["participants"]),
        "event_expected_attendees": ("Attendees that were planned for.", event["expected_attendees"]),
        "event_gates": ("Gates.", event["gates"]),
        "event_gates_open": ("Gates that are open.", event["open_gates"]),
        "event_starts_timestamp_seconds": ("When the event starts.", event["starts_at"].timestamp()),
        "event_ends_timestamp_seconds": ("When the event ends.", event["ends_at"].timestamp()),
    }
    for name, (description, value) in gauges.items():
        Gauge(name, description, registry=registry).set(value)
    for name, description, value in (
        ("event_entries", "People let in.", event["entries"]),
        ("event_entries_refused", "People turned away.", event["refused"]),
    ):
        Counter(name, description, registry=registry).inc(value)
    return registry


def _exposition(registry: CollectorRegistry) -> Response:
    return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})
