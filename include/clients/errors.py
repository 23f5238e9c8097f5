"""One error tree for every outside system, so that one retry policy can tell what is worth another try."""


class ClientError(Exception):
    """An outside system did not do what it was asked; `status` is its HTTP status, if it answered at all."""

    def __init__(self, service: str, message: str, *, status: int | None = None) -> None:
        super().__init__(f"{service}: {message}" + (f" (HTTP {status})" if status else ""))
        self.service = service
        self.status = status


class RetryableError(ClientError):
    """Likely to pass: try again, not before `retry_after` seconds when the service said so."""

    def __init__(
        self, service: str, message: str, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(service, message, status=status)
        self.retry_after = retry_after


class Unreachable(RetryableError):
    """No answer: refused, reset, timed out."""


class RateLimited(RetryableError):
    """429: asked too often."""


class ServerFault(RetryableError):
    """5xx, or an answer that is no valid one."""


class PermanentError(ClientError):
    """The same request will fail again: do not retry."""


class Unauthorized(PermanentError):
    """401 or 403: the log-in or its rights are wrong."""


class NotFound(PermanentError):
    """404 or 410: the thing is not there."""


class Conflict(PermanentError):
    """409: the thing is there, but another one."""


class Refused(PermanentError):
    """Any other 4xx: the service says the request is wrong."""
