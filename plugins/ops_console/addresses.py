"""Addresses that hold wherever the console is mounted: behind Airflow, behind a proxy, behind a prefix."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import HTTPConnection

from include.settings import get_settings


def path_inside(request: HTTPConnection) -> str:
    """Return the path as the console's own routes know it, without where it is mounted."""
    path: str = request.scope["path"]
    return path.removeprefix(mount_path(request)) or "/"


def mount_path(request: HTTPConnection) -> str:
    """Return where the console is mounted, without a trailing slash: `/console`, or `/airflow/console`."""
    root_path: str = request.scope.get("root_path", "")
    return root_path.rstrip("/")


def relative_base(request: HTTPConnection) -> str:
    """Return the way from this page up to the console's root: `./` or some `../`."""
    return "../" * (path_inside(request).count("/") - 1) or "./"


def event_api_path(request: HTTPConnection, request_id: str) -> str:
    """Return the path of an event in the API, as the client reaches it."""
    return f"{mount_path(request)}/api/events/{quote(request_id, safe='')}"


def public_event_api_url(request_id: str) -> str:
    """Return the full address of an event in the API, from the public address in the settings."""
    return f"{get_settings().public_url}/console/api/events/{quote(request_id, safe='')}"


def is_api(request: HTTPConnection) -> bool:
    """Whether a program is asking, which wants JSON rather than a page."""
    return path_inside(request).startswith("/api/")
