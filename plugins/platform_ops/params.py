"""`Param` schemas of DAGs that people and programs start by hand.

Airflow names only the first fault of a `conf`. So the schemas here say what is there and of which type, and leave the
rest to our own validation, which names every fault at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from include.events.request_schema import REQUEST_SCHEMA

KEPT_KEYWORDS = frozenset({"type", "required", "properties", "title", "description", "examples"})


def _presence_and_type(schema: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in schema.items() if key in KEPT_KEYWORDS}
    if "properties" in kept:
        kept["properties"] = {name: _presence_and_type(inner) for name, inner in kept["properties"].items()}
    return kept


def params_from(schema: Mapping[str, Any]) -> dict[str, Param]:
    """Return a `Param` per top-level property; required ones have no default, so that a run without them is refused."""
    required = frozenset(schema["required"])
    return {
        name: Param(**({} if name in required else {"default": None}), **_presence_and_type(inner))
        for name, inner in schema["properties"].items()
    }


REQUEST_PARAMS: dict[str, Param] = params_from(REQUEST_SCHEMA)
