"""The API server's refusals: a `Status` object with the reason, the message and the causes that clients read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from sandbox.kubernetes.resources import ResourceType


@dataclass(frozen=True)
class Cause:
    """One fault of an object: which field, and what is wrong with it."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"


@dataclass(eq=False)  # not frozen: contextlib sets the traceback
class ApiError(Exception):
    """A refusal."""

    code: HTTPStatus
    reason: str
    message: str
    details: dict[str, object] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """Return the `Status` object."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            **({"details": self.details} if self.details else {}),
            "code": int(self.code),
        }


def unauthorized() -> ApiError:
    """Return the refusal of an unknown bearer token."""
    return ApiError(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized")


def unknown_path() -> ApiError:
    """Return the refusal of an address that serves nothing."""
    return ApiError(HTTPStatus.NOT_FOUND, "NotFound", "the server could not find the requested resource")


def method_not_allowed() -> ApiError:
    """Return the refusal of a verb that the resource does not have."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", message)


def not_found(resource: ResourceType, name: str) -> ApiError:
    """Return the refusal for an object that does not exist."""
    return ApiError(
        HTTPStatus.NOT_FOUND, "NotFound", f'{resource.qualified_name} "{name}" not found', _details(resource, name)
    )


def already_exists(resource: ResourceType, name: str, *, being_deleted: bool = False) -> ApiError:
    """Return the refusal to create an object a second time, or while its predecessor is still going."""
    message = f'{resource.qualified_name} "{name}" already exists'
    if being_deleted:
        message = f"object is being deleted: {message}"
    return ApiError(HTTPStatus.CONFLICT, "AlreadyExists", message, _details(resource, name))


def conflict(resource: ResourceType, name: str, why: str) -> ApiError:
    """Return the refusal to change an object that is not as the caller thinks."""
    message = f'Operation cannot be fulfilled on {resource.qualified_name} "{name}": {why}'
    return ApiError(HTTPStatus.CONFLICT, "Conflict", message, _details(resource, name))


def forbidden(resource: ResourceType, name: str, why: str, causes: Sequence[Cause] = ()) -> ApiError:
    """Return the refusal by admission."""
    message = f'{resource.qualified_name} "{name}" is forbidden: {why}'
    return ApiError(HTTPStatus.FORBIDDEN, "Forbidden", message, _details(resource, name, causes))


def bad_request(message: str) -> ApiError:
    """Return the refusal of something that cannot be read as an object."""
    return ApiError(HTTPStatus.BAD_REQUEST, "BadRequest", message)


def expired(resource_version: int) -> ApiError:
    """Return the refusal to watch from a version that is no longer remembered."""
    return ApiError(HTTPStatus.GONE, "Expired", f"too old resource version: {resource_version}")


def invalid(resource: ResourceType, name: str, causes: Sequence[Cause]) -> ApiError:
    """Return the refusal that names every fault of an object."""
    faults = [f"{cause.field}: {cause.message}" for cause in causes]
    listed = faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    message = f'{kind} "{name}" is invalid: {listed}'
    return ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", message, _details(resource, name, causes, resource.kind)
    )


def _details(
    resource: ResourceType, name: str, causes: Sequence[Cause] = (), kind: str | None = None
) -> dict[str, object]:
    details: dict[str, object] = {"name": name, "kind": kind or resource.plural}
    if resource.group:
        details["group"] = resource.group
    if causes:
        details["causes"] = [
            {"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes
        ]
    return details
