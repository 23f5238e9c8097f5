"""Label and field selectors of list, watch and deletecollection."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.kubernetes.status import bad_request

Predicate = Callable[[Mapping[str, Any]], bool]

_SET_BASED = re.compile(r"([\w./-]+)\s+(in|notin)\s*\(([^()]*)\)")
_EQUALITY = re.compile(r"([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)")
_EXISTENCE = re.compile(r"(!?)\s*([\w./-]+)")
_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")
_FIELDS = {"metadata.name": ("metadata", "name"), "metadata.namespace": ("metadata", "namespace")}


def label_predicate(selector: str) -> Predicate:
    """Return the test that a label selector stands for; an empty one takes everything.

    Raises ApiError (400) for one that cannot be read.
    """
    requirements = [
        _label_requirement(part.strip(), selector) for part in _OUTSIDE_PARENTHESES.split(selector) if part.strip()
    ]
    return lambda document: all(holds(_labels(document)) for holds in requirements)


def _label_requirement(part: str, selector: str) -> Predicate:
    if matched := _SET_BASED.fullmatch(part):
        key, operator, listed = matched.groups()
        values = {value.strip() for value in listed.split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if matched := _EQUALITY.fullmatch(part):
        key, operator, value = matched.groups()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if matched := _EXISTENCE.fullmatch(part):
        negated, key = matched.groups()
        return lambda labels: (key in labels) != bool(negated)
    raise bad_request(f'unable to parse requirement: found "{part}" in selector "{selector}"')


def field_predicate(selector: str) -> Predicate:
    """Return the test that a field selector stands for.

    Raises ApiError (400) for a field that cannot be selected by.
    """
    requirements = [_field_requirement(part.strip()) for part in selector.split(",") if part.strip()]
    return lambda document: all(holds(document) for holds in requirements)


def _field_requirement(part: str) -> Predicate:
    key, operator, value = _equality(part)
    path = _FIELDS.get(key) or (("status", "phase") if key == "status.phase" else None)
    if path is None:
        raise bad_request(f'field label not supported: "{key}"')
    outer, inner = path

    def holds(document: Mapping[str, Any]) -> bool:
        equal = str(document.get(outer, {}).get(inner, "")) == value
        return equal != (operator == "!=")

    return holds


def _equality(part: str) -> tuple[str, str, str]:
    matched = _EQUALITY.fullmatch(part)
    if matched is None:
        raise bad_request(f'invalid field selector: "{part}"')
    key, operator, value = matched.groups()
    return key, operator, value


def _labels(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return document.get("metadata", {}).get("labels") or {}
