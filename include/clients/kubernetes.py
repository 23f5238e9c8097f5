"""Errors of the Kubernetes client, turned into ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3
from kubernetes.client.exceptions import ApiException

from include.clients.errors import Unreachable
from include.clients.http import error_for

SERVICE = "Kubernetes"
# (connect, read) in seconds for every call.
REQUEST_TIMEOUT = (3.0, 10.0)


@contextmanager
def kubernetes_errors() -> Iterator[None]:
    """Turn what the Kubernetes client raises into a ClientError."""
    try:
        yield
    except ApiException as error:
        retry_after = (error.headers or {}).get("Retry-After")
        raise error_for(SERVICE, error.status or 500, _message(error), retry_after=retry_after) from error
    except urllib3.exceptions.HTTPError as error:
        raise Unreachable(SERVICE, str(error)) from error


def _message(error: ApiException) -> str:
    """Return the API server's own words, which are in the body's Status object."""
    try:
        status = json.loads(error.body or "")
    except ValueError:
        return str(error.reason or "")
    return str(status.get("message") or error.reason or "") if isinstance(status, dict) else str(error.reason or "")
