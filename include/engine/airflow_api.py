"""Airflow's REST API as the engine uses it: log in, start a run or look at it, ask for health."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from include.clients import errors
from include.clients.http import error_for
from include.engine.errors import RunFailed, RunRefused

log = logging.getLogger(__name__)

SERVICE = "airflow"
HEALTH_PATH = "/api/v2/monitor/health"
API_SERVER = "api_server"
COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")

# Airflow (routes/public/dag_run.py) answers 400 for these as well, but they are about the DAG, not about the request.
_DAG_CANNOT_RUN = ("has import errors and cannot be triggered", "does not allow manual runs")
_REFUSALS = frozenset({httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY})


class StartedRun(StrEnum):
    """What there is under a run's id after it was to be started."""

    NEW = "new"
    OURS = "ours"
    FOREIGN = "foreign"


@dataclass(frozen=True, kw_only=True)
class AirflowHealth:
    """Which components are healthy. Of those that nobody could be asked about nothing is said."""

    up: Mapping[str, bool]


class AirflowApi:
    """One engine's access to Airflow. The token is kept until Airflow refuses it."""

    def __init__(self, http: httpx.AsyncClient, *, username: str, password: SecretStr) -> None:
        self._http = http
        self._username = username
        self._password = password
        self._token = ""

    async def start_run(self, *, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> StartedRun:
        """Start a run. One of this id that exists is as good when we started it, with the same conf.

        Raises RunRefused (the conf is wrong), RunFailed (this run alone), or another ClientError when nothing can be
        started now.
        """
        path = f"/api/v2/dags/{dag_id}/dagRuns"
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        response = await self._send_logged_in("POST", path, json=body)
        if response.is_success:
            return StartedRun.NEW
        if response.status_code != httpx.codes.CONFLICT:
            raise _run_error(response)
        found = await self._send_logged_in("GET", f"{path}/{quote(run_id, safe='')}")
        if found.status_code == httpx.codes.NOT_FOUND:
            raise RunFailed(f"run {run_id} was there and is gone: deleted meanwhile")
        if not found.is_success:
            raise _error(found)
        run = _json_object(found) or {}
        is_ours = run.get("triggering_user_name") == self._username and run.get("conf") == conf
        return StartedRun.OURS if is_ours else StartedRun.FOREIGN

    async def health(self) -> AirflowHealth:
        """Ask every component for its health, without logging in. An api-server that does not answer is down."""
        try:
            response = await self._send("GET", HEALTH_PATH)
        except errors.Unreachable as error:
            log.debug("Airflow gave no health: %s", error)
            return AirflowHealth(up={API_SERVER: False})
        report = _json_object(response)
        if not response.is_success or report is None:
            return AirflowHealth(up={API_SERVER: False})
        return AirflowHealth(up={API_SERVER: True} | {name: _is_healthy(report.get(name)) for name in COMPONENTS})

    async def _send_logged_in(self, method: str, path: str, *, json: object = None) -> httpx.Response:
        response = await self._send(method, path, json=json, headers=await self._authorization())
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._token = ""  # expired, or signed with another secret before a restart
            response = await self._send(method, path, json=json, headers=await self._authorization())
        return response

    async def _authorization(self) -> dict[str, str]:
        if not self._token:
            self._token = await self._log_in()
        return {"Authorization": f"Bearer {self._token}"}

    async def _log_in(self) -> str:
        credentials = {"username": self._username, "password": self._password.get_secret_value()}
        response = await self._send("POST", "/auth/token", json=credentials)
        if response.is_server_error:
            raise _error(response)
        token = (_json_object(response) or {}).get("access_token")
        if not response.is_success or not isinstance(token, str):
            message = f"log-in as {self._username!r} refused; check PLATFORM_OPS_AIRFLOW_USERNAME and _PASSWORD"
            raise errors.Unauthorized(SERVICE, message, status=response.status_code)
        return token

    async def _send(
        self, method: str, path: str, *, json: object = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        try:
            return await self._http.request(method, path, json=json, headers=headers)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise errors.Unreachable(SERVICE, f"{method} {path}: {str(error) or type(error).__name__}") from error


def _run_error(response: httpx.Response) -> Exception:
    detail = _detail(response)
    if response.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
        return RunFailed(f"Airflow failed: {detail}")
    about_the_dag = any(text in detail for text in _DAG_CANNOT_RUN)
    if response.status_code in _REFUSALS and not about_the_dag:
        return RunRefused(detail)
    return _error(response)


def _error(response: httpx.Response) -> errors.ClientError:
    retry_after = response.headers.get("Retry-After")
    return error_for(SERVICE, response.status_code, _detail(response), retry_after=retry_after)


def _detail(response: httpx.Response) -> str:
    """Return what Airflow says is wrong: FastAPI puts it into `detail`, as text or as a list of faults."""
    detail = (_json_object(response) or {}).get("detail", response.text)
    return detail if isinstance(detail, str) else repr(detail)


def _json_object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        value = response.json()
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _is_healthy(component: object) -> bool:
    return isinstance(component, dict) and component.get("status") == "healthy"
