"""Watches: a stream of one JSON document per change."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from sandbox.kubernetes.resources import Target
from sandbox.kubernetes.selectors import field_predicate, label_predicate
from sandbox.kubernetes.status import ApiError
from sandbox.kubernetes.store import Change, ObjectStore

_LONGEST_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class WatchRequest:
    """What to watch, from which resource version on, for how long."""

    target: Target
    labels: str
    fields: str
    after_version: int | None
    seconds: float


async def watch_events(store: ObjectStore, wanted: WatchRequest) -> AsyncIterator[bytes]:
    """Yield the changes until the time is over; without a version the objects that exist come first, as ADDED."""
    matches = _matcher(wanted)
    target, version = wanted.target, wanted.after_version
    if version is None:
        version = store.resource_version
        for document in store.listed(target.resource, target.namespace):
            if matches(Change(version, "ADDED", target.resource, document)):
                yield _line("ADDED", document)
    deadline = time.monotonic() + wanted.seconds
    while True:
        store.remove_gone()
        try:
            changes = store.changes_after(version)
        except ApiError as error:
            yield _line("ERROR", error.document())
            return
        for change in changes:
            version = change.resource_version
            if matches(change):
                yield _line(change.kind, change.document)
        left = deadline - time.monotonic()
        if left <= 0:
            return
        until_gone = store.seconds_until_next_gone()
        wait = _LONGEST_WAIT_SECONDS if until_gone is None else until_gone + 0.01
        await store.wait_for_change(min(left, wait))


def _matcher(wanted: WatchRequest) -> Callable[[Change], bool]:
    has_labels, has_fields = label_predicate(wanted.labels), field_predicate(wanted.fields)
    target = wanted.target

    def matches(change: Change) -> bool:
        document = change.document
        return (
            change.resource is target.resource
            and target.namespace in (None, document["metadata"].get("namespace"))
            and target.name in (None, document["metadata"]["name"])
            and has_labels(document)
            and has_fields(document)
        )

    return matches


def _line(kind: str, document: dict[str, object]) -> bytes:
    return json.dumps({"type": kind, "object": document}).encode() + b"\n"
