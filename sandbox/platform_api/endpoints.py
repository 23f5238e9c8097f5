"""Registering events: which slug is served from which schema, under which role."""

from __future__ import annotations

import re
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.config import SandboxSettings
from sandbox.platform_api.database import Connection, PlatformDatabase, Row
from sandbox.platform_api.errors import conflict, invalid, no_such_event
from sandbox.platform_api.requests import decoded
from sandbox.platform_api.tokens import check_service_token, issue_token

_SLUG = re.compile(r"[a-z][a-z0-9_]{2,30}")
_PROBE_LIFETIME = timedelta(seconds=60)


Identifier = Annotated[str, msgspec.Meta(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]


class Registration(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename={"schema_name": "schema"}):
    """The body of a registration."""

    schema_name: Identifier
    role: Identifier


class Endpoints:
    """The registry of events, for the service client."""

    def __init__(self, settings: SandboxSettings, database: PlatformDatabase) -> None:
        self._settings = settings
        self._database = database

    def routes(self) -> list[BaseRoute]:
        """Return the addresses and who answers there."""
        return [
            Route("/platform/v1/endpoints/{slug}", self.register, methods=["PUT"]),
            Route("/platform/v1/endpoints/{slug}", self.show, methods=["GET"]),
            Route("/platform/v1/endpoints/{slug}", self.remove, methods=["DELETE"]),
            Route("/platform/v1/endpoints/{slug}/probe-token", self.issue_probe_token, methods=["POST"]),
        ]

    async def register(self, request: Request) -> Response:
        """Serve an event: 201, 200 when it is served so already, 409 when the slug or the schema is taken."""
        slug = self._authorized_slug(request)
        if not _SLUG.fullmatch(slug):
            raise invalid(f"slug is {slug!r}; expected {_SLUG.pattern}")
        wanted = await decoded(request, Registration)
        async with self._database.transaction() as connection:
            await _check_can_be_served(connection, wanted)
            cursor = await connection.execute(
                "INSERT INTO platform_api.endpoints (slug, schema_name, role_name) VALUES (%s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                (slug, wanted.schema_name, wanted.role),
            )
            created = cursor.rowcount == 1
            found = await find_endpoint(connection, slug)
        if found is None or (found["schema_name"], found["role_name"]) != (wanted.schema_name, wanted.role):
            raise conflict(f"{slug} or schema {wanted.schema_name} is registered otherwise")
        return JSONResponse(self._document(found), HTTPStatus.CREATED if created else HTTPStatus.OK)

    async def show(self, request: Request) -> Response:
        """Return one registration."""
        slug = self._authorized_slug(request)
        async with self._database.transaction() as connection:
            return JSONResponse(self._document(await require_endpoint(connection, slug)))

    async def remove(self, request: Request) -> Response:
        """Stop serving an event: 204, 404 when it is not served."""
        slug = self._authorized_slug(request)
        async with self._database.transaction() as connection:
            await connection.execute("DELETE FROM platform_api.tokens WHERE slug = %s AND kind = 'probe'", (slug,))
            cursor = await connection.execute("DELETE FROM platform_api.endpoints WHERE slug = %s", (slug,))
            if not cursor.rowcount:
                raise no_such_event(slug)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def issue_probe_token(self, request: Request) -> Response:
        """Make a token with which to try out an event for a minute."""
        slug = self._authorized_slug(request)
        async with self._database.transaction() as connection:
            endpoint = await require_endpoint(connection, slug)
            token, expires_at = await issue_token(
                connection, kind="probe", slug=slug, role_name=endpoint["role_name"], lifetime=_PROBE_LIFETIME
            )
        expiry = expires_at.isoformat() if expires_at else None
        return JSONResponse({"token": token, "expires_at": expiry}, HTTPStatus.CREATED)

    def _authorized_slug(self, request: Request) -> str:
        check_service_token(request.headers, expected=self._settings.platform.service_token)
        return str(request.path_params["slug"])

    def _document(self, endpoint: Row) -> dict[str, object]:
        url = f"{self._settings.public_url}/platform/events/{endpoint['slug']}"
        return {
            "slug": endpoint["slug"],
            "schema": endpoint["schema_name"],
            "role": endpoint["role_name"],
            "url": url,
            "metrics_url": f"{url}/metrics",
            "registered_at": endpoint["registered_at"].isoformat(),
        }


async def find_endpoint(connection: Connection, slug: str) -> Row | None:
    """Return an event's registration, None when there is none."""
    cursor = await connection.execute("SELECT * FROM platform_api.endpoints WHERE slug = %s", (slug,))
    return await cursor.fetchone()


async def require_endpoint(connection: Connection, slug: str) -> Row:
    """Return an event's registration. Raises PlatformError (404)."""
    endpoint = await find_endpoint(connection, slug)
    if endpoint is None:
        raise no_such_event(slug)
    return endpoint


def viewer_role(endpoint: Row) -> str:
    """Return the role of an event's viewers, by the platform's convention beside the schema's name."""
    return f"{endpoint['schema_name']}_viewer"


async def _check_can_be_served(connection: Connection, wanted: Registration) -> None:
    """Raise PlatformError (422) unless schema and role exist and the API may take the role."""
    cursor = await connection.execute(
        "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %(schema)s) AS schema_exists,"
        " EXISTS (SELECT FROM pg_roles WHERE rolname = %(role)s AND pg_has_role(oid, 'MEMBER')) AS role_granted",
        {"schema": wanted.schema_name, "role": wanted.role},
    )
    found = await cursor.fetchone()
    if not found or not found["schema_exists"]:
        raise invalid(f"schema {wanted.schema_name} does not exist")
    if not found["role_granted"]:
        raise invalid(f"role {wanted.role} does not exist or is not granted to the platform's API")
