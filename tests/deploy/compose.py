"""Read `docker-compose.yaml` the way compose does: merge keys, then interpolation of every string."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from tests.architecture.source import ROOT

_NAME = re.compile(r"[A-Za-z_]\w*")


class RequiredVariable(Exception):
    """A `${NAME:?…}` without a value."""


def load_compose(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the file with its variables filled in from *environment*.

    Raises:
        RequiredVariable: naming the variable that has to be given.
    """
    document = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))
    filled: dict[str, Any] = _walk(document, environment)
    return filled


def interpolate(text: str, environment: Mapping[str, str]) -> str:
    """Replace `${A}`, `${A:-default}` (nested ones too), `${A:?message}` and `$$`.

    >>> interpolate("$${X} ${A:-x${B:-y}}", {"B": "2"})
    '${X} x2'
    """
    result, at = [], 0
    while (dollar := text.find("$", at)) >= 0:
        result.append(text[at:dollar])
        if text.startswith("$$", dollar):
            result.append("$")
            at = dollar + 2
        else:
            end = _closing_brace(text, dollar + 1)
            result.append(_value(text[dollar + 2 : end], environment))
            at = end + 1
    return "".join([*result, text[at:]])


def _value(expression: str, environment: Mapping[str, str]) -> str:
    matched = _NAME.match(expression)
    assert matched, f"no variable name in ${{{expression}}}"
    name, rest = matched[0], expression[matched.end() :]
    if given := environment.get(name, ""):
        return given
    if rest.startswith(":?"):
        raise RequiredVariable(name)
    return interpolate(rest.removeprefix(":-"), environment)


def _closing_brace(text: str, opening: int) -> int:
    assert text[opening] == "{", f"a lone $ in {text!r}: compose wants ${{NAME}} or $$"
    depth = 0
    for at in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    raise AssertionError(f"no closing brace in {text!r}")


def _walk(node: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(node, str):
        return interpolate(node, environment)
    if isinstance(node, list):
        return [_walk(item, environment) for item in node]
    if isinstance(node, dict):
        return {key: _walk(value, environment) for key, value in node.items()}
    return node
