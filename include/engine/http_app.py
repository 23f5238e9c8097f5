"""The engine's HTTP interface: health, metrics, and what Alertmanager sends."""

from __future__ import annotations

import hmac
import time

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from include.engine.database import Pool, is_reachable
from include.engine.metrics import CONTENT_TYPE, EngineMetrics
from include.engine.observer import Observer
from include.engine.watchdog import WatchdogListener

RETRY_AFTER_SECONDS = "60"


class HttpInterface:
    """The routes, with what they answer from."""

    def __init__(
        self,
        *,
        pool: Pool,
        observer: Observer,
        watchdog: WatchdogListener,
        metrics: EngineMetrics,
        token: str,
        version: str,
    ) -> None:
        self._pool = pool
        self._observer = observer
        self._watchdog = watchdog
        self._metrics = metrics
        self._expected = f"Bearer {token}".encode()
        self._version = version
        self._started_at = time.monotonic()

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/healthz", self.healthz, methods=["GET"]),
                Route("/metrics", self.metrics, methods=["GET"]),
                Route("/heartbeats/watchdog", self.heartbeat, methods=["POST"]),
                Route("/alerts/v4", self.take_alerts, methods=["POST"]),
            ]
        )

    async def healthz(self, _request: Request) -> Response:
        """Answer 200 when the engine can do its work, which takes the database; 503 otherwise."""
        is_up = await is_reachable(self._pool)
        report = {
            "status": "ok" if is_up else "database unreachable",
            "version": self._version,
            "uptime_seconds": round(time.monotonic() - self._started_at, 1),
            "database": "up" if is_up else "down",
            "airflow": {name: "up" if up else "down" for name, up in self._observer.airflow_up.items()},
            "alert_path": self._watchdog.state,
        }
        return JSONResponse(report, status_code=200 if is_up else 503)

    async def metrics(self, _request: Request) -> Response:
        """Return the metrics."""
        return Response(self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    async def heartbeat(self, request: Request) -> Response:
        """Note that the alert path is alive."""
        if not self._is_alertmanager(request):
            return _unauthorized()
        self._watchdog.heard()
        return Response(status_code=204)

    async def take_alerts(self, request: Request) -> Response:
        """Refuse alerts with 503: Alertmanager keeps them and tries again, as any other answer would lose them."""
        if not self._is_alertmanager(request):
            return _unauthorized()
        self._metrics.handovers_refused.inc()
        body = {"detail": "this engine does not take alerts over: there is nowhere to keep them yet; try again"}
        return JSONResponse(body, status_code=503, headers={"Retry-After": RETRY_AFTER_SECONDS})

    def _is_alertmanager(self, request: Request) -> bool:
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), self._expected)


def _unauthorized() -> Response:
    body = {"detail": "send the bearer token of the engine's token file"}
    return JSONResponse(body, status_code=401, headers={"WWW-Authenticate": "Bearer"})
