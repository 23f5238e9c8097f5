"""Where objects are kept, with one resource version for the whole cluster, and the changes that watchers follow."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.resources import NAMESPACES, RESOURCE_TYPES, ResourceType
from sandbox.kubernetes.status import expired
from sandbox.state import StateStore

Document = dict[str, Any]

_COUNTER = "kubernetes_resource_version"
_REMEMBERED_CHANGES = 2000


@dataclass(frozen=True)
class Change:
    """What a watcher is told: ADDED, MODIFIED or DELETED, and the object as it was then."""

    resource_version: int
    kind: str
    resource: ResourceType
    document: Document


class ObjectStore:
    """All objects of the cluster."""

    def __init__(self, state: StateStore) -> None:
        self._state = state
        self._changes: deque[Change] = deque(maxlen=_REMEMBERED_CHANGES)
        self._oldest_watchable = self.resource_version
        self._news = asyncio.Event()

    @property
    def resource_version(self) -> int:
        """The version of the newest change."""
        return self._state.current_value(_COUNTER)

    def get(self, resource: ResourceType, namespace: str, name: str) -> Document | None:
        """Return an object, None when there is none."""
        rows = self._state.query(
            "SELECT document FROM kubernetes_objects WHERE api_group = ? AND plural = ? AND namespace = ? AND name = ?",
            (resource.group, resource.plural, namespace, name),
        )
        return json.loads(rows[0]["document"]) if rows else None

    def listed(self, resource: ResourceType, namespace: str | None) -> list[Document]:
        """Return the objects of one namespace, or of all (None), by namespace and name."""
        rows = self._state.query(
            "SELECT document FROM kubernetes_objects WHERE api_group = ?1 AND plural = ?2"
            " AND (?3 IS NULL OR namespace = ?3) ORDER BY namespace, name",
            (resource.group, resource.plural, namespace),
        )
        return [json.loads(row["document"]) for row in rows]

    def save(self, resource: ResourceType, document: Mapping[str, Any], *, gone_at: float | None = None) -> Document:
        """Write an object under a new resource version and return it; `gone_at` is when it will vanish."""
        version = self._state.next_value(_COUNTER)
        metadata = {**document["metadata"], "resourceVersion": str(version)}
        saved = {**document, "metadata": metadata}
        key = (resource.group, resource.plural, metadata.get("namespace", ""), metadata["name"])
        existed = self.get(resource, key[2], key[3]) is not None
        self._state.change(
            "INSERT OR REPLACE INTO kubernetes_objects VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*key, version, json.dumps(saved), gone_at),
        )
        self._publish(Change(version, "MODIFIED" if existed else "ADDED", resource, saved))
        return saved

    def remove(self, resource: ResourceType, document: Document) -> None:
        """Delete an object."""
        version = self._state.next_value(_COUNTER)
        metadata = document["metadata"]
        self._state.change(
            "DELETE FROM kubernetes_objects WHERE api_group = ? AND plural = ? AND namespace = ? AND name = ?",
            (resource.group, resource.plural, metadata.get("namespace", ""), metadata["name"]),
        )
        metadata["resourceVersion"] = str(version)
        self._publish(Change(version, "DELETED", resource, document))

    def remove_content(self, namespace: str) -> None:
        """Delete everything inside a namespace."""
        for resource in RESOURCE_TYPES:
            if resource.namespaced:
                for document in self.listed(resource, namespace):
                    self.remove(resource, document)

    def remove_gone(self) -> None:
        """Let the namespaces vanish whose time has come. Called before each request: no timer has to run."""
        rows = self._state.query("SELECT document FROM kubernetes_objects WHERE gone_at <= ?", (time.time(),))
        for row in rows:
            document = json.loads(row["document"])
            self.remove_content(document["metadata"]["name"])
            self.remove(NAMESPACES, document)

    def seconds_until_next_gone(self) -> float | None:
        """Return how long until a namespace vanishes, None when none is going."""
        rows = self._state.query("SELECT min(gone_at) AS gone_at FROM kubernetes_objects")
        return None if rows[0]["gone_at"] is None else max(0.0, rows[0]["gone_at"] - time.time())

    def changes_after(self, version: int) -> list[Change]:
        """Return the changes since `version`, oldest first.

        Raises ApiError (410) when they are no longer all remembered.
        """
        oldest = self._oldest_watchable
        if len(self._changes) == _REMEMBERED_CHANGES:
            oldest = self._changes[0].resource_version
        if version < oldest:
            raise expired(version)
        return [change for change in self._changes if change.resource_version > version]

    async def wait_for_change(self, seconds: float) -> None:
        """Return at the next change, or after `seconds`."""
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return

    def _publish(self, change: Change) -> None:
        self._changes.append(change)
        self._news.set()
        self._news = asyncio.Event()
