"""Names, labels and annotations: what they may look like, and what the server fills in."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.kubernetes.resources import NAMESPACES, SERVICES, ResourceType
from sandbox.kubernetes.status import Cause, bad_request

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SERVICE_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_LARGEST_ANNOTATIONS_BYTES = 256 * 1024
_WITH_GENERATION = frozenset({"Deployment", "NetworkPolicy", "Pod"})
_GENERATED_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # the API server's: no vowels, no words


def resolved_name(metadata: Mapping[str, Any]) -> str:
    """Return the object's name, generated when only a prefix is given; empty when there is neither."""
    name = metadata.get("name") or ""
    prefix = metadata.get("generateName") or ""
    if name or not prefix:
        return str(name)
    return str(prefix) + "".join(secrets.choice(_GENERATED_ALPHABET) for _ in range(5))


def check_request_metadata(metadata: Mapping[str, Any], *, namespace: str | None) -> None:
    """Raise ApiError (400) for what a caller may not say of a new object."""
    if metadata.get("resourceVersion"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    said = metadata.get("namespace")
    if said and said != (namespace or ""):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
            if namespace
            else "namespace is not allowed on this type"
        )


def metadata_causes(resource: ResourceType, metadata: Mapping[str, Any]) -> Iterator[Cause]:
    """Yield what is wrong with an object's metadata."""
    yield from _name_causes(resource, str(metadata.get("name") or ""))
    for key, value in (metadata.get("labels") or {}).items():
        yield from _key_causes("metadata.labels", key)
        if len(value or "") > 63 or not _LABEL_VALUE.fullmatch(value or ""):
            yield Cause("metadata.labels", f'Invalid value: "{value}": must be 63 characters or less of [A-Za-z0-9_.-]')
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        yield from _key_causes("metadata.annotations", str(key).lower())
    if sum(len(key.encode()) + len((value or "").encode()) for key, value in annotations.items()) > (
        _LARGEST_ANNOTATIONS_BYTES
    ):
        yield Cause("metadata.annotations", f"Too long: may not be more than {_LARGEST_ANNOTATIONS_BYTES} bytes")


def _name_causes(resource: ResourceType, name: str) -> Iterator[Cause]:
    if not name:
        yield Cause("metadata.name", "Required value: name or generateName is required", "FieldValueRequired")
        return
    pattern, longest, what = {
        NAMESPACES: (_LABEL, 63, "a lowercase RFC 1123 label"),
        SERVICES: (_SERVICE_LABEL, 63, "a DNS-1035 label"),
    }.get(resource, (_SUBDOMAIN, 253, "a lowercase RFC 1123 subdomain"))
    if len(name) > longest:
        yield Cause("metadata.name", f'Invalid value: "{name}": must be no more than {longest} characters')
    if not pattern.fullmatch(name):
        yield Cause(
            "metadata.name",
            f'Invalid value: "{name}": {what} must consist of lower case alphanumeric characters or "-", '
            f"(regex used for validation is '{pattern.pattern}')",
        )


def _key_causes(field: str, key: str) -> Iterator[Cause]:
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > 253 or not _SUBDOMAIN.fullmatch(prefix)):
        yield Cause(field, f'Invalid value: "{key}": prefix part must be a lowercase RFC 1123 subdomain')
    if len(name) > 63 or not _QUALIFIED_NAME.fullmatch(name):
        yield Cause(field, f'Invalid value: "{key}": name part must be 63 characters or less of [A-Za-z0-9_.-]')


def new_metadata(resource: ResourceType, metadata: Mapping[str, Any], *, namespace: str | None) -> dict[str, Any]:
    """Return a new object's metadata with the server's own fields."""
    complete = {
        **{key: value for key, value in metadata.items() if value is not None},
        "uid": str(uuid.uuid4()),
        "creationTimestamp": timestamp(),
    }
    if namespace:
        complete["namespace"] = namespace
    if resource.kind in _WITH_GENERATION:
        complete["generation"] = 1
    return complete


def timestamp() -> str:
    """Return the time as the API writes it: UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
