"""The four ways to change an object in part."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from sandbox.kubernetes.status import bad_request

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

# Lists that a strategic merge takes element by element, with the key that tells the elements apart.
_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
    "secrets": "name",
}


def patched(document: Mapping[str, Any], patch: object, content_type: str) -> dict[str, Any]:
    """Return the object with the patch applied.

    Raises ApiError (400) when the patch does not fit.
    """
    if content_type == JSON_PATCH:
        return _json_patched(document, patch)
    if not isinstance(patch, dict):
        raise bad_request(f"patch must be an object, found {type(patch).__name__}")
    merged = _merged(copy.deepcopy(dict(document)), patch, strategic=content_type != MERGE_PATCH)
    if not isinstance(merged, dict):
        raise bad_request("the patch leaves no object")
    return merged


def _merged(old: Any, new: Any, *, strategic: bool) -> Any:
    """Merge as RFC 7396 does; a strategic merge also merges the lists of `_MERGE_KEYS`."""
    if not isinstance(new, dict):
        return new
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        if value is None:
            result.pop(key, None)
        elif strategic and key in _MERGE_KEYS and isinstance(value, list) and isinstance(result.get(key), list):
            result[key] = _merged_list(result[key], value, _MERGE_KEYS[key])
        else:
            result[key] = _merged(result.get(key), value, strategic=strategic)
    return result


def _merged_list(old: list[Any], new: list[Any], merge_key: str) -> list[Any]:
    by_key = {item.get(merge_key): item for item in old}
    for item in new:
        identity = item.get(merge_key)
        if item.get("$patch") == "delete":
            by_key.pop(identity, None)
        else:
            by_key[identity] = _merged(by_key.get(identity), item, strategic=True)
    return list(by_key.values())


def _json_patched(document: Mapping[str, Any], operations: object) -> dict[str, Any]:
    if not isinstance(operations, list):
        raise bad_request("a JSON patch is a list of operations")
    result = copy.deepcopy(dict(document))
    for operation in operations:
        try:
            _apply_operation(result, operation)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError):
            raise bad_request(f"the JSON patch operation cannot be applied: {operation!r}") from None
    return result


def _apply_operation(document: dict[str, Any], operation: Mapping[str, Any]) -> None:
    """Apply one RFC 6902 operation in place; move and copy are not played."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    parent: Any = document
    for part in parts[:-1]:
        parent = parent[int(part)] if isinstance(parent, list) else parent[part]
    kind, last = operation["op"], parts[-1]
    if isinstance(parent, list):
        _apply_to_list(parent, kind, last, operation)
    elif kind == "add" or (kind == "replace" and last in parent):
        parent[last] = operation["value"]
    elif kind == "remove":
        del parent[last]
    elif kind != "test" or parent[last] != operation["value"]:
        raise ValueError(kind)


def _apply_to_list(parent: list[Any], kind: str, last: str, operation: Mapping[str, Any]) -> None:
    index = len(parent) if last == "-" else int(last)
    if kind == "add":
        parent.insert(index, operation["value"])
    elif kind == "replace":
        parent[index] = operation["value"]
    elif kind == "remove":
        del parent[index]
    elif kind != "test" or parent[index] != operation["value"]:
        raise ValueError(kind)
