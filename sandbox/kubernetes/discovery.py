"""What the server says of itself: version, groups and resources."""

from __future__ import annotations

from sandbox.kubernetes.resources import GROUPS, RESOURCE_TYPES, VERSION


def discovery_document(path: str) -> dict[str, object] | None:
    """Return the document at `path` (below the server's root), None when there is none."""
    documents: dict[str, dict[str, object]] = {
        "version": _version(),
        "api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
        "apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(group) for group in GROUPS if group]},
        "api/v1": _resource_list(""),
        **{f"apis/{group}": {"kind": "APIGroup", "apiVersion": "v1", **_group(group)} for group in GROUPS if group},
        **{f"apis/{group}/v1": _resource_list(group) for group in GROUPS if group},
    }
    return documents.get(path.strip("/"))


def _version() -> dict[str, object]:
    major, minor, _patch = VERSION.split(".")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{VERSION}+sandbox",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "none",
        "platform": "linux/amd64",
    }


def _group(group: str) -> dict[str, object]:
    version = {"groupVersion": f"{group}/v1", "version": "v1"}
    return {"name": group, "versions": [version], "preferredVersion": version}


def _resource_list(group: str) -> dict[str, object]:
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/v1" if group else "v1",
        "resources": [resource.discovery() for resource in RESOURCE_TYPES if resource.group == group],
    }
