"""What every DAG of the project shares: owner, retries, retry policy, failure handling.

Retries are decided by the *error*, not by a count alone: time-outs, 429, 5xx, a mail server's 4xx, failing name
look-ups and lost connections are tried again (after the service's own ``Retry-After`` where it gave one),
authentication and validation errors fail at once so that the undo starts at once. Airflow's own API is held to the
same: no answer and 5xx are tried again, everything else that it says is final. A killed worker raises nothing:
Airflow notices it by the missing heartbeat and uses the plain ``retries`` and ``retry_delay``.
"""

from __future__ import annotations

import errno
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType

from include.settings import get_settings

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.definitions.retry_policy import RetryDecision

OWNER = "platform-ops"
RETRIES = 3
MAX_RETRY_AFTER = timedelta(minutes=15)
TRANSIENT = "transient: worth another try"

# Dotted paths, not classes: importing requests, urllib3 and psycopg here would cost every parse of every DAG file.
TRANSIENT_ERRORS = [
    "include.clients.errors.RetryableError",
    "include.events.errors.RequestBusy",
    "psycopg.OperationalError",
    "requests.exceptions.ConnectionError",
    "requests.exceptions.Timeout",
    "urllib3.exceptions.HTTPError",
    "builtins.ConnectionError",
    "builtins.TimeoutError",
    "socket.gaierror",
]
# Plain OSErrors without a class of their own: the way to the other side is gone, for now.
UNREACHABLE_ERRNOS = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})
PASSING_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class ServiceRetryPolicy(ExceptionRetryPolicy):
    """Exception rules, and what only the error's content tells: its errno, or the status that Airflow's API gave.

    The delay is taken from the error's ``retry_after`` (seconds) where the service named one.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Return the decision of the first rule that holds; a named wait is capped at ``MAX_RETRY_AFTER``."""
        from airflow.sdk.definitions.retry_policy import RetryDecision

        decision = super().evaluate(exception, try_number, max_tries, context)
        if _is_unreachable(exception) or _is_airflow_away(exception):
            decision = RetryDecision.retry(reason=TRANSIENT)
        seconds = getattr(exception, "retry_after", None)
        if decision.action is not RetryAction.RETRY or seconds is None:
            return decision
        delay = min(timedelta(seconds=float(seconds)), MAX_RETRY_AFTER)
        return RetryDecision.retry(delay=delay, reason=f"{decision.reason}; the service asked for {seconds} s")


def _is_unreachable(exception: BaseException) -> bool:
    return isinstance(exception, OSError) and exception.errno in UNREACHABLE_ERRNOS


def _is_airflow_away(exception: BaseException) -> bool:
    """Tell whether Airflow's API gave no answer, or one that may be another the next time."""
    if not isinstance(exception, AirflowRuntimeError) or exception.error.error is not ErrorType.API_SERVER_ERROR:
        return False
    status = (exception.error.detail or {}).get("status_code")
    return status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in PASSING_STATUSES


RETRY_POLICY = ServiceRetryPolicy(
    rules=[RetryRule(exception=list(TRANSIENT_ERRORS), action=RetryAction.RETRY, reason=TRANSIENT)],
    default=RetryAction.FAIL,
)


def default_args(**overrides: Any) -> dict[str, Any]:
    """Return the ``default_args`` of a DAG: owner, retries with back-off, the shared retry policy; *overrides* win."""
    return {
        "owner": OWNER,
        "retries": RETRIES,
        "retry_delay": timedelta(seconds=get_settings().retry_delay_seconds),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(minutes=2),
        "retry_policy": RETRY_POLICY,
        **overrides,
    }


def tell_of_failed_run(context: Context) -> None:
    """Tell the operators of a run that failed: a DAG's ``on_failure_callback``. Raises nothing when it cannot."""
    from platform_ops.notifications.failures import tell_of_failed_run as tell

    tell(context)
