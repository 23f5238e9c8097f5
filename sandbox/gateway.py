"""The way in to the played services: shows the faults that were asked for and keeps the journal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from prometheus_client import CollectorRegistry, Counter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.connections import cut_connection
from sandbox.faults import Fault, Faults, fault_answer
from sandbox.journal import Journal, JournalEntry
from sandbox.services import Service, service_of_path

_LARGEST_BODY_BYTES = 2 * 1024 * 1024


class SandboxMetrics:
    """The sandbox's own figures; those of the played platform are apart."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls = Counter(
            "sandbox_calls", "Calls of the played services.", ["service", "status"], registry=self.registry
        )
        self.faults_shown = Counter(
            "sandbox_faults_shown", "Calls that were answered by a fault.", ["service"], registry=self.registry
        )


@dataclass(frozen=True)
class Incoming:
    """A call whose body was read whole."""

    service: Service
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    client: tuple[str, int] | None
    body: bytes


class Gateway:
    """ASGI middleware around all services; the sandbox's own pages pass untouched."""

    def __init__(self, app: ASGIApp, *, faults: Faults, journal: Journal, metrics: SandboxMetrics) -> None:
        self._app = app
        self._faults = faults
        self._journal = journal
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        service = service_of_path(scope["path"]) if scope["type"] == "http" else None
        if service is None:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        if "\x00" in scope["path"]:
            # No service has such names, and PostgreSQL could not even compare them.
            await PlainTextResponse("NUL in the address", HTTPStatus.BAD_REQUEST)(scope, receive, send)
            return
        incoming = await _read(scope, receive, service)
        if incoming is None:
            await PlainTextResponse("body too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)(scope, receive, send)
            return
        fault = self._faults.take(service=service, method=incoming.method, path=incoming.path)
        status = await self._answer(incoming, fault, scope, receive, send)
        self._record(incoming, fault, status, (time.perf_counter() - started) * 1000)

    async def _answer(
        self, incoming: Incoming, fault: Fault | None, scope: Scope, receive: Receive, send: Send
    ) -> int | None:
        """Let the service or the fault answer; return the status, None when the line was cut."""
        status_of = _StatusRecorder(send)
        replay = _replayed(incoming.body, receive)
        if fault is None:
            await self._app(scope, replay, status_of)
            return status_of.status
        if fault.request.after:
            await self._app(scope, replay, _swallow)
        await asyncio.sleep(fault.request.delay_seconds)
        if fault.request.disconnect:
            await cut_connection(incoming.client)
            return None
        if fault.only_delays and not fault.request.after:
            await self._app(scope, replay, status_of)
            return status_of.status
        answer = fault_answer(fault, path=incoming.path)
        await Response(answer.body, answer.status, dict(answer.headers))(scope, receive, send)
        return answer.status

    def _record(self, incoming: Incoming, fault: Fault | None, status: int | None, duration_ms: float) -> None:
        self._metrics.calls.labels(incoming.service, str(status or "cut")).inc()
        if fault:
            self._metrics.faults_shown.labels(incoming.service).inc()
        # Scrapes come for ever and say nothing about what the project did.
        if incoming.path.endswith("/metrics") and fault is None:
            return
        self._journal.record(
            JournalEntry(
                service=incoming.service,
                method=incoming.method,
                path=incoming.path,
                query=incoming.query,
                headers=incoming.headers,
                body=incoming.body,
                status=status,
                fault_id=fault.fault_id if fault else None,
                duration_ms=duration_ms,
            )
        )


class _StatusRecorder:
    """Passes an answer on and keeps its status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


async def _swallow(_message: Message) -> None:
    """Drop the answer of work whose answer gets lost."""


async def _read(scope: Scope, receive: Receive, service: Service) -> Incoming | None:
    """Read the call whole; None when it is larger than 2 MiB."""
    request = Request(scope, receive)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LARGEST_BODY_BYTES:
                return None
    except ClientDisconnect:
        body.clear()
    client = scope.get("client")
    return Incoming(
        service=service,
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=tuple(_decoded(scope["headers"])),
        client=(client[0], client[1]) if client else None,
        body=bytes(body),
    )


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[str, str]]:
    return ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def _replayed(body: bytes, receive: Receive) -> Receive:
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
