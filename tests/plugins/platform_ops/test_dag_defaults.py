"""The retry policy: what is worth another try, and when."""

import errno
import socket
from datetime import timedelta

import psycopg
import pytest
import requests
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from include.clients import errors
from include.events.errors import InvalidRequest, PlanChanged, RequestBusy, StaleAttempt
from platform_ops.dag_defaults import MAX_RETRY_AFTER, RETRY_POLICY, TRANSIENT_ERRORS, default_args


def from_airflow(kind: ErrorType, status: int | None = None) -> AirflowRuntimeError:
    """What a task gets when Airflow's API did not do what it was asked."""
    return AirflowRuntimeError(ErrorResponse(error=kind, detail={"status_code": status, "message": "no"}))


@pytest.mark.parametrize(
    "error",
    [
        errors.Unreachable("service", "refused"),
        errors.ServerFault("service", "broken", status=503),
        RequestBusy("at work"),
        psycopg.OperationalError("server closed the connection"),
        requests.exceptions.ConnectTimeout("slow"),
        ConnectionResetError("reset"),
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        OSError(errno.EHOSTUNREACH, "No route to host"),
        OSError(errno.ENETUNREACH, "Network is unreachable"),
        from_airflow(ErrorType.API_SERVER_ERROR),
        from_airflow(ErrorType.API_SERVER_ERROR, 503),
        from_airflow(ErrorType.API_SERVER_ERROR, 429),
    ],
)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    assert RETRY_POLICY.evaluate(error, 1, 3).action is RetryAction.RETRY


@pytest.mark.parametrize(
    "error",
    [
        errors.Unauthorized("service", "who are you", status=401),
        errors.Refused("service", "wrong", status=400),
        InvalidRequest([]),
        PlanChanged("another plan"),
        StaleAttempt("moved on"),
        psycopg.errors.InsufficientPrivilege("no"),
        KeyError("a bug"),
        OSError(errno.ENOSPC, "No space left on device"),
        from_airflow(ErrorType.API_SERVER_ERROR, 409),
        from_airflow(ErrorType.CONNECTION_NOT_FOUND),
        from_airflow(ErrorType.PERMISSION_DENIED),
    ],
)
def test_what_will_not_pass_fails_at_once(error: Exception) -> None:
    assert RETRY_POLICY.evaluate(error, 1, 3).action is RetryAction.FAIL


def test_the_services_own_wait_is_kept() -> None:
    decision = RETRY_POLICY.evaluate(errors.RateLimited("service", "slow down", status=429, retry_after=42.0), 1, 3)
    assert decision.retry_delay == timedelta(seconds=42)


def test_an_absurd_wait_is_capped() -> None:
    decision = RETRY_POLICY.evaluate(errors.RateLimited("service", "slow down", status=429, retry_after=86400.0), 1, 3)
    assert decision.retry_delay == MAX_RETRY_AFTER


def test_every_name_in_the_policy_is_an_error_that_exists() -> None:
    from airflow.sdk.module_loading import import_string

    assert all(issubclass(import_string(name), Exception) for name in TRANSIENT_ERRORS)


def test_the_policy_survives_serialisation() -> None:
    restored = type(RETRY_POLICY).deserialize(RETRY_POLICY.serialize())
    assert restored.evaluate(errors.Unreachable("service", "x"), 1, 3).action is RetryAction.RETRY
    assert restored.evaluate(KeyError("x"), 1, 3).action is RetryAction.FAIL


def test_overrides_win() -> None:
    assert default_args(retries=5)["retries"] == 5
