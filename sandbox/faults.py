"""Faults that the played services show on demand: wrong answers, cut lines, lost answers, slow ones."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec

from sandbox.errors import InvalidFault
from sandbox.services import Service, service_named

_LONGEST_DELAY_SECONDS = 120


class FaultRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What is asked for: which calls fail, how, and how often.

    `times` is how many matching calls fail (all until deleted when not given), `skip` how many go through before.
    `after` does the work and then fails, as a lost answer does. Without `status`, `disconnect` and `delay_seconds`
    the answer is 500. For SMTP, `method` is the command (MAIL, RCPT, DATA) and `path_regex` is matched on the
    recipients.
    """

    service: str
    method: str = ""
    path_regex: str = ""
    status: int | None = None
    body: object = None
    headers: dict[str, str] = {}
    times: int | None = None
    skip: int = 0
    disconnect: bool = False
    after: bool = False
    delay_seconds: float = 0


@dataclass(kw_only=True)
class Fault:
    """A fault in force; `remaining` counts down to 0, None is for ever."""

    fault_id: str
    request: FaultRequest
    service: Service
    pattern: re.Pattern[str]
    remaining: int | None
    to_skip: int
    hits: int = field(default=0)

    def matches(self, *, service: Service, method: str, path: str) -> bool:
        """Tell whether a call is one of those that shall fail."""
        wanted = self.request.method.upper()
        return (
            self.service is service
            and self.remaining != 0
            and wanted in ("", method.upper())
            and self.pattern.search(path) is not None
        )

    @property
    def only_delays(self) -> bool:
        """Tell whether the call is slow, but right."""
        asked = self.request
        return asked.delay_seconds > 0 and asked.status is None and not asked.disconnect

    def as_document(self) -> dict[str, object]:
        """Return what the fault interface shows of it."""
        asked: dict[str, object] = msgspec.to_builtins(self.request)
        return {"id": self.fault_id, "hits": self.hits, "remaining": self.remaining} | asked


@dataclass(frozen=True, kw_only=True)
class FaultAnswer:
    """The bytes that a fault puts in place of the service's own answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Faults:
    """The faults in force, in the order in which they were asked for; the first that matches counts."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}

    def add(self, request: FaultRequest) -> Fault:
        """Put a fault in force.

        Raises InvalidFault when it could never work.
        """
        _check(request)
        fault = Fault(
            fault_id=secrets.token_hex(6),
            request=request,
            service=service_named(request.service),
            pattern=_pattern(request.path_regex),
            remaining=request.times,
            to_skip=request.skip,
        )
        self._faults[fault.fault_id] = fault
        return fault

    def take(self, *, service: Service, method: str, path: str) -> Fault | None:
        """Return the fault that this call must show, and count it."""
        for fault in self._faults.values():
            if not fault.matches(service=service, method=method, path=path):
                continue
            if fault.to_skip:
                fault.to_skip -= 1
                return None
            fault.hits += 1
            fault.remaining = None if fault.remaining is None else fault.remaining - 1
            return fault
        return None

    def listed(self) -> list[dict[str, object]]:
        """Return all faults, spent ones too."""
        return [fault.as_document() for fault in self._faults.values()]

    def remove(self, fault_id: str) -> bool:
        """Lift one fault; False when there is none with this id."""
        return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        """Lift all faults."""
        self._faults.clear()


def fault_answer(fault: Fault, *, path: str) -> FaultAnswer:
    """Return the answer of a fault, in the service's own manner when no body was given."""
    asked = fault.request
    status = asked.status or HTTPStatus.INTERNAL_SERVER_ERROR
    body = _typical_body(fault.service, status, path) if asked.body is None else asked.body
    is_text = isinstance(body, str)
    headers = {"content-type": "text/plain; charset=utf-8" if is_text else "application/json; charset=utf-8"}
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["retry-after"] = "1"
    headers |= {name.lower(): value for name, value in asked.headers.items()}
    return FaultAnswer(
        status=status,
        headers=headers,
        body=str(body).encode() if is_text else json.dumps(body, ensure_ascii=False).encode(),
    )


def _typical_body(service: Service, status: int, path: str) -> object:
    reason = _reason(status)
    too_many = status == HTTPStatus.TOO_MANY_REQUESTS
    if service is Service.SLACK and path.startswith("/slack/services/"):
        return "rate_limited" if too_many else "server_error"
    bodies: dict[Service, object] = {
        Service.SLACK: {"ok": False, "error": "ratelimited" if too_many else "internal_error"},
        Service.TWILIO: {
            "code": 20429 if too_many else 20500,
            "message": reason,
            "more_info": f"https://www.twilio.com/docs/errors/{20429 if too_many else 20500}",
            "status": status,
        },
        Service.KUBERNETES: {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": reason,
            "reason": reason.replace(" ", ""),
            "code": status,
        },
        Service.PLATFORM: {"error": {"code": reason.lower().replace(" ", "_"), "message": reason}},
    }
    return bodies.get(service, reason)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Fault"


def _pattern(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as error:
        raise InvalidFault(f"path_regex {expression!r} is no regular expression: {error}") from None


def _check(request: FaultRequest) -> None:
    if request.status is not None and not 200 <= request.status <= 599:
        raise InvalidFault(f"status is {request.status}; expected 200 to 599")
    if request.times is not None and request.times < 1:
        raise InvalidFault(f"times is {request.times}; expected at least 1, or nothing for every call")
    if request.skip < 0:
        raise InvalidFault(f"skip is {request.skip}; expected 0 or more")
    if not 0 <= request.delay_seconds <= _LONGEST_DELAY_SECONDS:
        raise InvalidFault(f"delay_seconds is {request.delay_seconds}; expected 0 to {_LONGEST_DELAY_SECONDS}")
