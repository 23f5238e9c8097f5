"""Prometheus' HTTP API, as far as targets and rules need it."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from include.clients.errors import ServerFault
from include.clients.http import DEFAULT_TIMEOUT, JsonClient

SERVICE = "Prometheus"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A target that Prometheus scrapes; `health` is "up", "down" or "unknown" (not scraped yet)."""

    labels: dict[str, str]
    scrape_url: str
    health: str
    last_error: str


class Prometheus:
    """Calls to one Prometheus. Every call raises a ClientError when it fails."""

    def __init__(
        self,
        *,
        base_url: str,
        timeout: httpx.Timeout = DEFAULT_TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._client = JsonClient(service=SERVICE, base_url=base_url, timeout=timeout, transport=transport)

    def reload(self) -> None:
        """Make Prometheus read its configuration and rules again.

        Raises ServerFault with Prometheus' own words when a file is wrong; it keeps running with what it had.
        """
        self._client.request("POST", "/-/reload")

    def list_targets(self) -> list[Target]:
        """Return the active targets."""
        data = self._data("/api/v1/targets", params={"state": "active"})
        return [
            Target(
                labels=dict(entry.get("labels", {})),
                scrape_url=str(entry.get("scrapeUrl", "")),
                health=str(entry.get("health", "unknown")),
                last_error=str(entry.get("lastError", "")),
            )
            for entry in data.get("activeTargets", [])
        ]

    def list_rule_groups(self) -> dict[str, list[str]]:
        """Return the names of the alerting rules by group."""
        data = self._data("/api/v1/rules", params={"type": "alert"})
        return {group["name"]: [rule["name"] for rule in group["rules"]] for group in data.get("groups", [])}

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Evaluate an expression now and return its samples. Raises Refused when it is wrong."""
        result = self._data("/api/v1/query", params={"query": expression}).get("result", [])
        return list(result)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def _data(self, path: str, *, params: dict[str, str]) -> dict[str, Any]:
        answer = self._client.json("GET", path, params=params)
        if not isinstance(answer, dict) or answer.get("status") != "success":
            raise ServerFault(SERVICE, f"{path} answered {str(answer)[:200]}")
        data: dict[str, Any] = answer["data"]
        return data
