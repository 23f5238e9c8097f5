"""What the console refuses, each with its status, a code for programs and a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class ConsoleError(Exception):
    """Base: an answer other than success. `extra` goes into the body beside message, code and faults."""

    status_code = 400
    code = "refused"

    def __init__(
        self,
        message: str,
        *,
        faults: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.faults = list(faults)
        self.headers = dict(headers or {})
        self.extra = extra

    def as_detail(self) -> dict[str, Any]:
        """Return the `detail` of the JSON answer."""
        return {"message": self.message, "code": self.code, "faults": self.faults} | self.extra


class MalformedJson(ConsoleError):
    """The body is no JSON."""

    code = "malformed_json"


class NotAuthenticated(ConsoleError):
    """Nobody we know."""

    status_code = 401
    code = "not_authenticated"


class NotAllowed(ConsoleError):
    """Known, but not allowed to."""

    status_code = 403
    code = "not_allowed"


class CrossSite(ConsoleError):
    """A browser sent a session cookie along from somebody else's page."""

    status_code = 403
    code = "cross_site"


class NotFound(ConsoleError):
    """Not there, or not theirs."""

    status_code = 404
    code = "not_found"


class Conflicting(ConsoleError):
    """Does not go with what is there already. The code is given by the case."""

    status_code = 409

    def __init__(self, message: str, *, code: str, **extra: Any) -> None:
        super().__init__(message, **extra)
        self.code = code


class BodyTooLarge(ConsoleError):
    """More bytes than a request can need."""

    status_code = 413
    code = "too_large"


class UnsupportedContentType(ConsoleError):
    """Not announced as what is read here."""

    status_code = 415
    code = "unsupported_content_type"


class Faulty(ConsoleError):
    """Understood, but faulty: all faults at once."""

    status_code = 422
    code = "invalid_request"


class TooManyAttempts(ConsoleError):
    """Somebody is guessing."""

    status_code = 429
    code = "too_many_attempts"


class AirflowRefused(ConsoleError):
    """Airflow did not take what was asked in the caller's name. The status is Airflow's own."""

    code = "airflow_refused"

    def __init__(self, message: str, *, status_code: int) -> None:
        super().__init__(message)
        self.status_code = status_code


class Unavailable(ConsoleError):
    """Something that is needed does not answer at the moment."""

    status_code = 503
    code = "unavailable"
