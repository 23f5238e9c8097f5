"""The official strict schemas, as kubernetes-validate carries them, and the API server's words for what breaks them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]

from sandbox.kubernetes.resources import VERSION, ResourceType
from sandbox.kubernetes.status import Cause, bad_request, invalid

_FOLDER = f"kubernetes-json-schema/v{VERSION}-local-strict"
_DEFINITIONS = "/api/_definitions.json#/$defs/"
_LOCAL = "#/$defs/"


def check_schema(resource: ResourceType, document: Mapping[str, Any], *, name: str) -> None:
    """Check an object against the schema of its kind.

    Raises ApiError: 400 for unknown fields and wrong types (the server cannot decode them), 422 for the rest.
    """
    errors = sorted(_validator(resource).iter_errors(document), key=lambda error: [str(part) for part in error.path])
    unknown = [field for error in errors for field in _unknown_fields(error)]
    if unknown:
        listed = ", ".join(f'unknown field "{field}"' for field in unknown)
        raise bad_request(
            f'{resource.kind} in version "v1" cannot be handled as a {resource.kind}: strict decoding error: {listed}'
        )
    wrong_type = next((error for error in errors if error.validator in ("type", "oneOf", "anyOf")), None)
    if wrong_type:
        path = _dotted(wrong_type.path)
        found = type(wrong_type.instance).__name__
        raise bad_request(
            f'{resource.kind} in version "v1" cannot be handled as a {resource.kind}: json: cannot unmarshal '
            f"{found} into Go struct field {resource.kind}.{path}"
        )
    causes = [cause for error in errors for cause in _causes(error)]
    if causes:
        raise invalid(resource, name, causes)


def _unknown_fields(error: ValidationError) -> Iterator[str]:
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        for key in error.instance:
            if key not in known:
                yield _dotted([*error.path, key])


def _causes(error: ValidationError) -> Iterator[Cause]:
    if error.validator == "required" and isinstance(error.instance, dict) and isinstance(error.validator_value, list):
        missing = [key for key in error.validator_value if key not in error.instance]
        yield from (Cause(_dotted([*error.path, key]), "Required value", "FieldValueRequired") for key in missing)
    elif error.validator == "enum":
        yield Cause(_dotted(error.path), f"Unsupported value: {error.instance!r}", "FieldValueNotSupported")
    else:
        yield Cause(_dotted(error.path), f"Invalid value: {error.message}")


def _dotted(path: Iterable[object]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


@lru_cache(maxsize=32)
def _validator(resource: ResourceType) -> Draft202012Validator:
    schema = json.loads(_packaged(resource.schema_file), object_hook=_localised)
    # The file of all definitions takes 15 MB in memory: keep only those that this kind reaches.
    every = json.loads(_packaged("_definitions.json"), object_hook=_localised)["$defs"]
    needed: dict[str, Any] = {}
    to_visit = list(_references(schema))
    while to_visit:
        name = to_visit.pop()
        if name not in needed:
            needed[name] = every[name]
            to_visit.extend(_references(every[name]))
    return Draft202012Validator({**schema, "$defs": needed})


def _packaged(file_name: str) -> str:
    return resources.files("kubernetes_validate").joinpath(_FOLDER, file_name).read_text(encoding="utf-8")


def _localised(node: dict[str, Any]) -> dict[str, Any]:
    """Point references into the same document and drop the descriptions, most of the file."""
    if isinstance(node.get("description"), str):
        del node["description"]
    reference = node.get("$ref")
    if isinstance(reference, str):
        node["$ref"] = reference.replace(_DEFINITIONS, _LOCAL)
    return node


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(_LOCAL)
        for child in node.values():
            yield from _references(child)
    elif isinstance(node, list):
        for child in node:
            yield from _references(child)
