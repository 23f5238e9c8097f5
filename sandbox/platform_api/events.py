"""The REST API of one event. The address names the event; the token decides what may be done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from psycopg import errors
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.platform_api import event_queries as queries
from sandbox.platform_api.database import Connection, PlatformDatabase, Row
from sandbox.platform_api.endpoints import require_endpoint
from sandbox.platform_api.errors import conflict, invalid
from sandbox.platform_api.requests import decoded
from sandbox.platform_api.tokens import bearer_token, find_token

_LARGEST_PAGE = 1000
_LARGEST_INTEGER = 2**31 - 1


class NewParticipant(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that registers a participant."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
    email: Annotated[str, msgspec.Meta(max_length=320, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")]


class NewEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that writes down an entry."""

    gate_id: Annotated[int, msgspec.Meta(ge=1, le=_LARGEST_INTEGER)]
    participant_id: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    outcome: Literal["admitted", "refused"] = "admitted"


class Events:
    """Reads and writes one event's data under the role of the caller's token."""

    def __init__(self, database: PlatformDatabase) -> None:
        self._database = database

    def routes(self) -> list[BaseRoute]:
        """Return the addresses and who answers there."""
        event = "/platform/events/{slug}"
        return [
            Route(event, self.show, methods=["GET"]),
            Route(f"{event}/participants", self.list_participants, methods=["GET"]),
            Route(f"{event}/participants", self.register_participant, methods=["POST"]),
            Route(f"{event}/gates", self.list_gates, methods=["GET"]),
            Route(f"{event}/entries", self.list_entries, methods=["GET"]),
            Route(f"{event}/entries", self.record_entry, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Return the event with its counts."""
        async with self._event(request) as (connection, schema):
            return _json(await queries.read_event(connection, schema))

    async def list_participants(self, request: Request) -> Response:
        """List participants, page by page."""
        limit, offset = _page(request)
        async with self._event(request) as (connection, schema):
            rows = await queries.read_participants(connection, schema, limit=limit, offset=offset)
        return _json({"participants": rows})

    async def register_participant(self, request: Request) -> Response:
        """Register a participant: 201, 409 when the address is registered."""
        wanted = await decoded(request, NewParticipant)
        async with self._event(request) as (connection, schema):
            row = await queries.add_participant(connection, schema, name=wanted.name, email=wanted.email)
        if row is None:
            raise conflict(f"{wanted.email} is registered")
        return _json(row, HTTPStatus.CREATED)

    async def list_gates(self, request: Request) -> Response:
        """List the gates."""
        async with self._event(request) as (connection, schema):
            return _json({"gates": await queries.read_gates(connection, schema)})

    async def list_entries(self, request: Request) -> Response:
        """List entries, newest first."""
        limit, offset = _page(request)
        async with self._event(request) as (connection, schema):
            rows = await queries.read_entries(connection, schema, limit=limit, offset=offset)
        return _json({"entries": rows})

    async def record_entry(self, request: Request) -> Response:
        """Write down an entry: 201, 422 for a gate or participant that the event does not have."""
        wanted = await decoded(request, NewEntry)
        try:
            async with self._event(request) as (connection, schema):
                row = await queries.add_entry(
                    connection,
                    schema,
                    gate_id=wanted.gate_id,
                    participant_id=wanted.participant_id,
                    outcome=wanted.outcome,
                )
        except errors.ForeignKeyViolation:
            raise invalid(f"gate {wanted.gate_id} or participant {wanted.participant_id} is unknown") from None
        return _json(row, HTTPStatus.CREATED)

    @asynccontextmanager
    async def _event(self, request: Request) -> AsyncIterator[tuple[Connection, str]]:
        """Give a connection under the role of the token's event, and the schema that the address names.

        That the two may belong to different events is the point: PostgreSQL decides, and refuses.
        """
        token = bearer_token(request.headers)
        async with self._database.transaction() as connection:
            caller = await find_token(connection, token)
            endpoint = await require_endpoint(connection, request.path_params["slug"])
        async with self._database.transaction_as(caller.role_name) as connection:
            yield connection, endpoint["schema_name"]


def _json(content: Row, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _page(request: Request) -> tuple[int, int]:
    """Return limit and offset. Raises PlatformError (422) for what is no page."""
    limit, offset = request.query_params.get("limit", "100"), request.query_params.get("offset", "0")
    if not (limit.isdecimal() and offset.isdecimal() and 1 <= int(limit) <= _LARGEST_PAGE):
        raise invalid(f"limit is {limit!r}, offset {offset!r}; expected 1 to {_LARGEST_PAGE}, and 0 or more")
    return int(limit), min(int(offset), _LARGEST_INTEGER)
