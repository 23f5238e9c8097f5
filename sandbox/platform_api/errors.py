"""The API's refusals."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import JSONResponse, Response


@dataclass(eq=False)  # not frozen: contextlib sets the traceback
class PlatformError(Exception):
    """A refusal: the HTTP status, a code for programs and a sentence for people."""

    status: HTTPStatus
    code: str
    message: str

    def response(self) -> Response:
        """Return the answer."""
        headers = {"www-authenticate": "Bearer"} if self.status is HTTPStatus.UNAUTHORIZED else None
        return JSONResponse({"error": {"code": self.code, "message": self.message}}, self.status, headers)


def unauthorized() -> PlatformError:
    """Return the refusal of a missing, unknown or expired token."""
    return PlatformError(HTTPStatus.UNAUTHORIZED, "unauthorized", "a valid bearer token is required")


def forbidden(message: str) -> PlatformError:
    """Return the refusal of what the database does not let the token's role do."""
    return PlatformError(HTTPStatus.FORBIDDEN, "forbidden", message)


def no_such_event(slug: str) -> PlatformError:
    """Return the refusal for an event that is not registered."""
    return PlatformError(HTTPStatus.NOT_FOUND, "no_such_event", f"no event is registered as {slug}")


def no_such_account(account_id: str) -> PlatformError:
    """Return the refusal for an account that does not exist."""
    return PlatformError(HTTPStatus.NOT_FOUND, "no_such_account", f"there is no account {account_id}")


def conflict(message: str) -> PlatformError:
    """Return the refusal of what contradicts something that exists."""
    return PlatformError(HTTPStatus.CONFLICT, "conflict", message)


def invalid(message: str) -> PlatformError:
    """Return the refusal of a request whose content cannot be used."""
    return PlatformError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", message)


def unavailable(message: str) -> PlatformError:
    """Return the refusal while the database does not answer."""
    return PlatformError(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", message)
