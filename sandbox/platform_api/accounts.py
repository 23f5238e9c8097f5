"""Viewer accounts of events, and the one-time links that hand them over."""

from __future__ import annotations

import secrets
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from psycopg.errors import ForeignKeyViolation
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.config import SandboxSettings
from sandbox.platform_api.credentials import digest, new_token
from sandbox.platform_api.database import PlatformDatabase
from sandbox.platform_api.endpoints import require_endpoint
from sandbox.platform_api.errors import no_such_account
from sandbox.platform_api.requests import decoded
from sandbox.platform_api.tokens import check_service_token

HANDOVER_LIFETIME = timedelta(hours=72)

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class NewAccount(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that asks for an account."""

    slug: Text
    email: Annotated[str, msgspec.Meta(max_length=320, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$")]
    name: Text
    language: Literal["ko", "en"]


class Accounts:
    """The accounts, for the service client."""

    def __init__(self, settings: SandboxSettings, database: PlatformDatabase) -> None:
        self._settings = settings
        self._database = database

    def routes(self) -> list[BaseRoute]:
        """Return the addresses and who answers there."""
        return [
            Route("/platform/v1/accounts", self.create, methods=["POST"]),
            Route("/platform/v1/accounts/{account_id}/handover", self.create_handover, methods=["POST"]),
            Route("/platform/v1/events/{slug}/accounts", self.list_accounts, methods=["GET"]),
            Route("/platform/v1/events/{slug}/accounts", self.delete_accounts, methods=["DELETE"]),
        ]

    async def create(self, request: Request) -> Response:
        """Make a viewer account: 201, 200 when this address has one for the event."""
        self._authorize(request)
        wanted = await decoded(request, NewAccount)
        account_id = f"acc_{secrets.token_hex(12)}"
        username = f"{wanted.slug}.{secrets.token_hex(2)}"
        async with self._database.transaction() as connection:
            await require_endpoint(connection, wanted.slug)
            cursor = await connection.execute(
                "INSERT INTO platform_api.accounts (account_id, slug, email, name, language, username)"
                " VALUES (%s, %s, lower(%s), %s, %s, %s) ON CONFLICT (slug, email) DO NOTHING",
                (account_id, wanted.slug, wanted.email, wanted.name, wanted.language, username),
            )
            created = cursor.rowcount == 1
            cursor = await connection.execute(
                "SELECT account_id, username FROM platform_api.accounts WHERE slug = %s AND email = lower(%s)",
                (wanted.slug, wanted.email),
            )
            account = await cursor.fetchone()
        return JSONResponse(account, HTTPStatus.CREATED if created else HTTPStatus.OK)

    async def list_accounts(self, request: Request) -> Response:
        """List an event's accounts; they outlive its registration until they are deleted themselves."""
        self._authorize(request)
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "SELECT account_id, username, email, name, language, password_hash IS NOT NULL AS handed_over"
                " FROM platform_api.accounts WHERE slug = %s ORDER BY created_at, account_id",
                (request.path_params["slug"],),
            )
            return JSONResponse({"accounts": await cursor.fetchall()})

    async def delete_accounts(self, request: Request) -> Response:
        """Delete an event's accounts with their links, tokens and sessions."""
        self._authorize(request)
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "DELETE FROM platform_api.accounts WHERE slug = %s", (request.path_params["slug"],)
            )
            return JSONResponse({"deleted": cursor.rowcount})

    async def create_handover(self, request: Request) -> Response:
        """Make a one-time link (72 h); the links that were made before stop working."""
        self._authorize(request)
        account_id, token = request.path_params["account_id"], new_token("handover")
        try:
            async with self._database.transaction() as connection:
                await connection.execute(
                    "UPDATE platform_api.handovers SET voided_at = now()"
                    " WHERE account_id = %s AND used_at IS NULL AND voided_at IS NULL",
                    (account_id,),
                )
                cursor = await connection.execute(
                    "INSERT INTO platform_api.handovers (token_hash, account_id, expires_at)"
                    " VALUES (%s, %s, now() + %s::interval) RETURNING expires_at",
                    (digest(token), account_id, HANDOVER_LIFETIME),
                )
                row = await cursor.fetchone()
        except ForeignKeyViolation:
            raise no_such_account(account_id) from None
        url = f"{self._settings.public_url}/platform/handover/{token}"
        expiry = row["expires_at"].isoformat() if row else None
        return JSONResponse({"url": url, "expires_at": expiry}, HTTPStatus.CREATED)

    def _authorize(self, request: Request) -> None:
        check_service_token(request.headers, expected=self._settings.platform.service_token)
