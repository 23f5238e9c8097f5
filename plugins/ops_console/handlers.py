"""Refusals as answers: JSON for programs, a page (or the way to the log-in) for people."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from include.events.errors import (
    EventError,
    InvalidRequest,
    NotResumable,
    RequestIdReused,
    SimilarRequest,
    UnknownRequest,
)
from ops_console.addresses import is_api, mount_path, path_inside
from ops_console.errors import Conflicting, ConsoleError, Faulty, NotAuthenticated, NotFound
from ops_console.login import Login
from ops_console.pages import render


def refusal_of(error: EventError) -> ConsoleError:
    """Translate what the domain refuses into an answer. An error that is none of a caller's doing is raised again."""
    match error:
        case InvalidRequest():
            return Faulty("the request has faults; all of them are listed", faults=error.as_dicts())
        case RequestIdReused():
            return Conflicting(str(error), code="request_id_reused", first_request_id=error.request_id)
        case SimilarRequest():
            return Conflicting(str(error), code="similar_request", first_request_id=error.first_request_id)
        case NotResumable():
            return Conflicting(str(error), code="not_resumable")
        case UnknownRequest():
            return NotFound(str(error))
    raise error


def install_handlers(app: FastAPI) -> None:
    """Let the application answer every refusal in one form."""
    app.add_exception_handler(ConsoleError, _answer_console_error)
    app.add_exception_handler(EventError, _answer_event_error)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(HTTPException, _answer_http_exception)


def _answer_console_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, ConsoleError):
        raise error
    return _answer(request, error)


def _answer_event_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, EventError):
        raise error
    return _answer(request, refusal_of(error))


def _answer_validation_error(request: Request, error: Exception) -> Response:
    """Answer faults in an address, as FastAPI found them."""
    if not isinstance(error, RequestValidationError):
        raise error
    faults = [
        {"path": ".".join(str(part) for part in fault["loc"]), "message": fault["msg"]} for fault in error.errors()
    ]
    return _answer(request, Faulty("the address has faults; all of them are listed", faults=faults))


def _answer_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: no such path, no such method."""
    if not isinstance(error, HTTPException):
        raise error
    refusal = ConsoleError(str(error.detail), headers=error.headers)
    refusal.status_code = error.status_code
    refusal.code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return _answer(request, refusal)


def _answer(request: Request, error: ConsoleError) -> Response:
    if is_api(request):
        return JSONResponse({"detail": error.as_detail()}, status_code=error.status_code, headers=error.headers)
    if isinstance(error, NotAuthenticated) and request.method in ("GET", "HEAD"):
        login: Login = request.app.state.login
        query = f"?{request.url.query}" if request.url.query else ""
        wanted = f"{mount_path(request)}{path_inside(request)}{query}"
        return RedirectResponse(login.login_address(wanted), status_code=303)
    heading = f"{error.status_code} {HTTPStatus(error.status_code).phrase}"
    page = render(request, "error.html", status_code=error.status_code, heading=heading, message=error.message)
    page.headers.update(error.headers)
    return page
