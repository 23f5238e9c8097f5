"""The sandbox's own interface: faults, journal, health, and forgetting everything."""

from __future__ import annotations

import re
from http import HTTPStatus

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.errors import InvalidFault
from sandbox.faults import FaultRequest, Faults
from sandbox.journal import Journal, JournalFilter
from sandbox.services import service_named
from sandbox.state import StateStore


class Control:
    """Answers below ``/_sandbox``, ``/healthz`` and ``/metrics``."""

    def __init__(self, *, state: StateStore, faults: Faults, journal: Journal, registry: CollectorRegistry) -> None:
        self._state = state
        self._faults = faults
        self._journal = journal
        self._registry = registry

    def routes(self) -> list[BaseRoute]:
        """Return the addresses and who answers there."""
        return [
            Route("/_sandbox/faults", self.add_fault, methods=["POST"]),
            Route("/_sandbox/faults", self.list_faults, methods=["GET"]),
            Route("/_sandbox/faults", self.clear_faults, methods=["DELETE"]),
            Route("/_sandbox/faults/{fault_id}", self.remove_fault, methods=["DELETE"]),
            Route("/_sandbox/journal", self.read_journal, methods=["GET"]),
            Route("/_sandbox/journal", self.clear_journal, methods=["DELETE"]),
            Route("/_sandbox/reset", self.reset, methods=["POST"]),
            Route("/healthz", self.health, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def add_fault(self, request: Request) -> Response:
        """Put a fault in force."""
        try:
            fault = self._faults.add(msgspec.json.decode(await request.body(), type=FaultRequest))
        except (msgspec.DecodeError, InvalidFault) as error:
            return JSONResponse({"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY)
        return JSONResponse(fault.as_document(), HTTPStatus.CREATED)

    async def list_faults(self, _request: Request) -> Response:
        """Show the faults and how often each was shown."""
        return JSONResponse({"faults": self._faults.listed()})

    async def clear_faults(self, _request: Request) -> Response:
        """Lift all faults."""
        self._faults.clear()
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def remove_fault(self, request: Request) -> Response:
        """Lift one fault."""
        found = self._faults.remove(request.path_params["fault_id"])
        return Response(status_code=HTTPStatus.NO_CONTENT if found else HTTPStatus.NOT_FOUND)

    async def read_journal(self, request: Request) -> Response:
        """Show what was asked of the services, oldest first."""
        try:
            wanted = _journal_filter(request)
        except (InvalidFault, ValueError, re.error) as error:
            return JSONResponse({"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY)
        return JSONResponse({"entries": self._journal.entries(wanted)})

    async def clear_journal(self, _request: Request) -> Response:
        """Forget what was asked."""
        self._journal.clear()
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def reset(self, _request: Request) -> Response:
        """Forget faults, journal, messages, mail and cluster; the platform's database is left alone."""
        self._faults.clear()
        self._state.clear()
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def health(self, _request: Request) -> Response:
        """Say that the process answers and can read its state."""
        self._state.query("SELECT 1")
        return JSONResponse({"status": "ok"})

    async def metrics(self, _request: Request) -> Response:
        """Show the sandbox's own figures."""
        return Response(generate_latest(self._registry), headers={"content-type": CONTENT_TYPE_LATEST})


def _journal_filter(request: Request) -> JournalFilter:
    asked = request.query_params
    path_regex = asked.get("path_regex", "")
    re.compile(path_regex)
    return JournalFilter(
        service=service_named(asked["service"]) if "service" in asked else None,
        method=asked.get("method", ""),
        path_regex=path_regex,
        after_id=int(asked.get("after_id", "0")),
        limit=int(asked.get("limit", "1000")),
    )
