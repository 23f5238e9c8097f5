"""Reading requests."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import Request

from sandbox.platform_api.errors import invalid

Body = TypeVar("Body", bound=msgspec.Struct)


async def decoded(request: Request, kind: type[Body]) -> Body:
    """Return the JSON body as `kind`. Raises PlatformError (422) naming what does not fit."""
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except msgspec.DecodeError as error:
        raise invalid(str(error)) from None
