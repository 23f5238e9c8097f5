"""One asyncio process: web server, intake, observer. It ends at once and cleanly on SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import uvicorn
from starlette.applications import Starlette

from include.common.connections import connection_from_env
from include.engine.airflow_api import AirflowApi
from include.engine.database import engine_conninfo, listen, make_pool
from include.engine.errors import CannotStart
from include.engine.http_app import HttpInterface
from include.engine.intake import IntakeSweep
from include.engine.metrics import EngineMetrics
from include.engine.observer import Observer
from include.engine.token import read_or_create_token
from include.engine.watchdog import WatchdogListener
from include.settings import PROJECT_ROOT, Settings
from include.store.events import INTAKE_CHANNEL

log = logging.getLogger(__name__)

# Starting a run takes Airflow well under a second; after this long the next sweep finds out what became of it.
AIRFLOW_TIMEOUT = httpx.Timeout(10, connect=3)
SHUTDOWN_SECONDS = 3


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Everything that runs."""

    sweep: IntakeSweep
    observer: Observer
    app: Starlette


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process ends as a whole, not the web server first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the engine."""
        yield


async def run_engine(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises CannotStart, or ConnectionNotConfigured for `ops_db`."""
    stopped = _stop_signal()
    conninfo = engine_conninfo(connection_from_env("ops_db").postgres_dsn())
    token = read_or_create_token(settings.alert_token_file)
    listener = _bind(settings.engine_host, settings.engine_port)
    pool = make_pool(conninfo)
    async with pool, httpx.AsyncClient(base_url=settings.airflow_url, timeout=AIRFLOW_TIMEOUT) as http:
        airflow = AirflowApi(http, username=settings.airflow_username, password=settings.airflow_password)
        version = project_version()
        metrics = EngineMetrics(version=version)
        watchdog = WatchdogListener(metrics)
        sweep = IntakeSweep(
            pool=pool,
            airflow=airflow,
            conninfo=conninfo,
            metrics=metrics,
            every_seconds=settings.engine_sweep_seconds,
        )
        observer = Observer(
            pool=pool,
            airflow=airflow,
            watchdog=watchdog,
            metrics=metrics,
            every_seconds=settings.engine_observe_seconds,
        )
        interface = HttpInterface(
            pool=pool,
            observer=observer,
            watchdog=watchdog,
            metrics=metrics,
            token=token,
            version=version,
        )
        await _run_until(stopped, Engine(sweep=sweep, observer=observer, app=interface.app()), listener, conninfo)
    log.info("Stopped")


def project_version() -> str:
    """Return the version in pyproject.toml, the only place where it is written."""
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


async def _run_until(stopped: asyncio.Event, engine: Engine, listener: socket.socket, conninfo: str) -> None:
    server = _Server(_server_config(engine.app))
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve(sockets=[listener]))
        working = [
            group.create_task(engine.sweep.run_forever()),
            group.create_task(engine.observer.run_forever()),
            group.create_task(listen(conninfo, INTAKE_CHANNEL, engine.sweep.wake)),
        ]
        log.info("Engine answers on port %s", listener.getsockname()[1])
        await stopped.wait()
        # A run that is being started is not waited for: its row stays as it is, and the next sweep gets 409 for it.
        for task in working:
            task.cancel()
        server.should_exit = True
        await serving


def _server_config(app: Starlette) -> uvicorn.Config:
    # h11 (httpx uses it) and asyncio's own loop are loaded anyway; httptools and uvloop would only add memory.
    return uvicorn.Config(
        app,
        http="h11",
        loop="none",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def _stop_signal() -> asyncio.Event:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


def _bind(host: str, port: int) -> socket.socket:
    """Take the port before anything else starts. Raises CannotStart naming it."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise CannotStart(f"port {port} on {host}: {error.strerror}; set ENGINE_PORT to a free one") from error
