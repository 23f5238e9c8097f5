"""The events platform's API: endpoints, accounts and their hand-over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from include.clients.errors import NotFound, ServerFault
from include.clients.http import DEFAULT_TIMEOUT, JsonClient

SERVICE = "platform API"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An event's registered REST endpoint."""

    slug: str
    url: str
    metrics_url: str
    schema: str | None = None


@dataclass(frozen=True, kw_only=True)
class Account:
    """A viewer's account on the platform."""

    account_id: str
    username: str


@dataclass(frozen=True, kw_only=True)
class Handover:
    """A one-time link to the account's credentials."""

    url: str
    expires_at: datetime


class PlatformApi:
    """Calls under `<base_url>/v1`, authenticated as our service. Every call raises a ClientError when it fails."""

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        timeout: httpx.Timeout = DEFAULT_TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._client = JsonClient(
            service=SERVICE, base_url=self.base_url, token=token, timeout=timeout, transport=transport
        )

    def put_endpoint(self, slug: str, *, schema: str, role: str) -> Endpoint:
        """Register an event's endpoint; the same again is no change. Raises Conflict when another schema has it."""
        answer = self._client.json("PUT", _path("endpoints", slug), json={"schema": schema, "role": role})
        return _endpoint(answer)

    def find_endpoint(self, slug: str) -> Endpoint | None:
        """Return an event's endpoint, None when it is not registered."""
        try:
            return _endpoint(self._client.json("GET", _path("endpoints", slug)))
        except NotFound:
            return None

    def delete_endpoint(self, slug: str) -> None:
        """Take an endpoint down; no-op when there is none."""
        try:
            self._client.request("DELETE", _path("endpoints", slug))
        except NotFound:
            return

    def create_probe_token(self, slug: str) -> str:
        """Return a token that reads the event's endpoint for a minute."""
        return str(_field(self._client.json("POST", f"{_path('endpoints', slug)}/probe-token"), "token"))

    def put_account(self, slug: str, *, email: str, name: str, language: str) -> Account:
        """Create a viewer's account, or return the one that this address has for the event."""
        body = {"slug": slug, "email": email, "name": name, "language": language}
        answer = self._client.json("POST", "/v1/accounts", json=body)
        return Account(account_id=str(_field(answer, "account_id")), username=str(_field(answer, "username")))

    def list_accounts(self, slug: str) -> list[Account]:
        """Return the accounts of an event."""
        try:
            answer = self._client.json("GET", f"{_path('events', slug)}/accounts")
        except NotFound:
            return []
        rows = answer if isinstance(answer, list) else _field(answer, "accounts")
        return [Account(account_id=str(row["account_id"]), username=str(row["username"])) for row in rows]

    def delete_accounts(self, slug: str) -> int:
        """Delete all accounts of an event and return how many there were."""
        try:
            return int(_field(self._client.json("DELETE", f"{_path('events', slug)}/accounts"), "deleted"))
        except NotFound:
            return 0

    def create_handover(self, account_id: str) -> Handover:
        """Make a new one-time link for an account; the ones before stop working."""
        answer = self._client.json("POST", f"/v1/accounts/{quote(account_id, safe='')}/handover")
        expires_at = datetime.fromisoformat(str(_field(answer, "expires_at")))
        return Handover(url=str(_field(answer, "url")), expires_at=expires_at)

    def read_event(self, url: str, *, token: str | None) -> Any:
        """Read an event's endpoint as a user of it does, with the event's token or with none."""
        return self._client.json("GET", url, token=token, authenticated=token is not None)

    def read_metrics(self, url: str) -> str:
        """Read an event's metrics, which need no log-in."""
        return self._client.request("GET", url, authenticated=False).text

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()


def _path(kind: str, slug: str) -> str:
    return f"/v1/{kind}/{quote(slug, safe='')}"


def _field(answer: Any, name: str) -> Any:
    if not isinstance(answer, Mapping) or name not in answer:
        raise ServerFault(SERVICE, f"the answer has no {name!r}")
    return answer[name]


def _endpoint(answer: Any) -> Endpoint:
    return Endpoint(
        slug=str(_field(answer, "slug")),
        url=str(_field(answer, "url")),
        metrics_url=str(_field(answer, "metrics_url")),
        schema=answer.get("schema"),
    )
