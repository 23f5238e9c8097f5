"""Ask a component whether it works. Every check ends within two seconds and says why not."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any

import psycopg

from stack.components import AirflowJobCheck, Check, HttpCheck, PostgresCheck

_TIMEOUT_SECONDS = 2
HEALTHY = "healthy"


def health(check: Check, *, started_at: float) -> str:
    """Return "healthy", or what is wrong in a few words.

    `started_at` is when the process began, in seconds since the epoch: Airflow goes on reporting the last heartbeat of
    a job that was killed.
    """
    match check:
        case HttpCheck(url=url):
            return _http(url)
        case PostgresCheck(dsn=dsn):
            return _postgres(dsn)
        case AirflowJobCheck(url=url, job=job):
            return _airflow_job(url, job, started_at)


def _http(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS):  # noqa: S310 - our own http address
            return HEALTHY
    except urllib.error.HTTPError as error:
        return f"answers {error.code}"
    except (OSError, HTTPException):
        return "no answer"


def _postgres(dsn: str) -> str:
    try:
        psycopg.connect(dsn, connect_timeout=_TIMEOUT_SECONDS).close()
    except psycopg.OperationalError as error:
        return "starting up" if "starting up" in str(error) else "no answer"
    return HEALTHY


def _airflow_job(url: str, job: str, started_at: float) -> str:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - our own http address
            report: dict[str, Any] = json.load(answer)[job]
    except (OSError, HTTPException, ValueError, KeyError):
        return "api-server does not answer"
    beat = report.get(f"latest_{job}_heartbeat")
    if beat is None:
        return "no heartbeat yet"
    beat_at = datetime.fromisoformat(beat)
    if beat_at < datetime.fromtimestamp(int(started_at), UTC):
        return "no heartbeat since its start"
    return HEALTHY if report["status"] == "healthy" else f"last heartbeat {beat_at:%H:%M:%S} UTC"
