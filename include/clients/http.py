"""A small JSON client over httpx: time limits on everything, answers turned into our errors."""

from __future__ import annotations

import email.utils
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx

from include.clients import errors

# Connecting takes milliseconds inside one network; ten seconds of silence mean that the other side is stuck.
DEFAULT_TIMEOUT = httpx.Timeout(10, connect=3)
LONGEST_QUOTE = 300
MAX_RETRY_AFTER_SECONDS = 3600.0

_BY_STATUS: Mapping[int, type[errors.PermanentError]] = {
    401: errors.Unauthorized,
    403: errors.Unauthorized,
    404: errors.NotFound,
    409: errors.Conflict,
    410: errors.NotFound,
}


def parse_retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Return the seconds that a Retry-After header asks for, None when it says nothing usable.

    It holds seconds or a date (RFC 9110, 10.2.3).
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = email.utils.parsedate_to_datetime(value)
        except ValueError:
            return None
        if at.utcoffset() is None:
            at = at.replace(tzinfo=UTC)
        seconds = (at - (now or datetime.now(UTC))).total_seconds()
    if not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def error_for(service: str, status: int, text: str, *, retry_after: str | None = None) -> errors.ClientError:
    """Return the error that stands for an HTTP status of 400 and above."""
    message = " ".join(text.split())[:LONGEST_QUOTE] or "no reason given"
    wait = parse_retry_after(retry_after)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return errors.RateLimited(service, message, status=status, retry_after=wait)
    if status == httpx.codes.REQUEST_TIMEOUT or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return errors.ServerFault(service, message, status=status, retry_after=wait)
    return _BY_STATUS.get(status, errors.Refused)(service, message, status=status)


class JsonClient:
    """Requests against one base address; use it as a context manager or call `close`."""

    def __init__(
        self,
        *,
        service: str,
        base_url: str,
        token: str = "",
        timeout: httpx.Timeout = DEFAULT_TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.service = service
        self.base_url = base_url.rstrip("/")
        self._token = token
        self._http = httpx.Client(timeout=timeout, transport=transport, follow_redirects=False)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object | None = None,
        params: Mapping[str, str] | None = None,
        token: str | None = None,
        authenticated: bool = True,
    ) -> httpx.Response:
        """Send a request to `path` below the base address, or to a full URL.

        `token` is used instead of the client's own; `authenticated=False` sends none.
        Raises a ClientError for anything but 2xx.
        """
        url = path if "://" in path else f"{self.base_url}{path}"
        bearer = token or self._token
        headers = {"Authorization": f"Bearer {bearer}"} if authenticated and bearer else {}
        try:
            response = self._http.request(method, url, json=json, params=params, headers=headers)
        except (httpx.TransportError, httpx.DecodingError) as error:
            reason = str(error) or type(error).__name__
            raise errors.Unreachable(self.service, f"{method} {url}: {reason}") from error
        if response.is_success:
            return response
        if response.is_redirect:
            raise errors.Refused(self.service, f"{method} {url} redirects elsewhere", status=response.status_code)
        raise error_for(
            self.service, response.status_code, response.text, retry_after=response.headers.get("Retry-After")
        )

    def json(self, method: str, path: str, **options: Any) -> Any:
        """Send a request and return its JSON. Raises ServerFault when the answer is no JSON."""
        response = self.request(method, path, **options)
        try:
            return response.json()
        except ValueError as error:
            raise errors.ServerFault(
                self.service, f"{method} {path} answered no JSON", status=response.status_code
            ) from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
