"""Twilio's errors: https://www.twilio.com/docs/api/errors."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import JSONResponse, Response


@dataclass(eq=False)  # not frozen: contextlib sets the traceback
class TwilioError(Exception):
    """A refusal: Twilio's own code and words, and the HTTP status."""

    code: int
    message: str
    status: HTTPStatus = HTTPStatus.BAD_REQUEST

    def response(self) -> Response:
        """Return the answer that Twilio gives."""
        body = {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": int(self.status),
        }
        return JSONResponse(body, self.status)


def unauthorized() -> TwilioError:
    """Return the error for wrong or missing credentials."""
    return TwilioError(20003, "Authenticate", HTTPStatus.UNAUTHORIZED)


def not_found(path: str) -> TwilioError:
    """Return the error for a resource that does not exist."""
    return TwilioError(20404, f"The requested resource {path} was not found", HTTPStatus.NOT_FOUND)
