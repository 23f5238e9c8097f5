"""Reading a JSON body from anybody: bounded, strict, and never a reason to fall over."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request

from ops_console.errors import BodyTooLarge, MalformedJson, UnsupportedContentType

MAX_BODY_BYTES = 64 * 1024


async def json_body(request: Request) -> Any:
    """Read the body as JSON.

    Raises UnsupportedContentType (415), BodyTooLarge (413, without reading on) or MalformedJson (400).
    """
    _require_json(request.headers.get("content-type", ""))
    return parse_json(await _bounded(request))


def parse_json(raw: bytes) -> Any:
    """Parse strict JSON in UTF-8: no NaN, no key twice (which of the two would hold?)."""
    try:
        return json.loads(raw.decode(), object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
    except RecursionError:
        raise MalformedJson("the body is nested too deeply") from None
    except UnicodeError:
        raise MalformedJson("the body is not valid UTF-8 text") from None
    except ValueError as error:
        raise MalformedJson(f"the body is not valid JSON: {error}") from None


def _require_json(content_type: str) -> None:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedContentType("send the request as Content-Type: application/json")


async def _bounded(request: Request) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > MAX_BODY_BYTES:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
    return bytes(body)


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {MAX_BODY_BYTES // 1024} KiB")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        raise ValueError("the same key occurs twice in one object")
    return unique


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
