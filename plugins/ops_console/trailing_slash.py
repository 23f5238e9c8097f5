"""The console's address without its slash, which people type: Airflow's own page would answer it with "not found"."""

from __future__ import annotations

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class AddTrailingSlash:
    """ASGI middleware of the whole api-server that sends `/console` to `/console/`."""

    def __init__(self, app: ASGIApp, *, path: str) -> None:
        self.app = app
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Redirect the one address and pass everything else on."""
        if scope["type"] == "http" and scope["path"] == self.path:
            await RedirectResponse(f"{self.path}/")(scope, receive, send)
            return
        await self.app(scope, receive, send)
