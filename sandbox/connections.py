"""The open HTTP connections, so that a fault can cut one as a crashed server would."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_open: dict[tuple[str, int], TrackedProtocol] = {}


class TrackedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol that can be found by the client's address: ASGI itself cannot abort a connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection."""
        super().connection_made(transport)
        self.lost = asyncio.Event()
        if self.client:
            _open[self.client] = self

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self.lost.set()
        if self.client:
            _open.pop(self.client, None)


async def cut_connection(client: tuple[str, int] | None) -> None:
    """Reset the connection of `client`; its request gets no answer at all."""
    connection = _open.get(client) if client else None
    if connection is None:
        return
    connection.transport.abort()
    # Until the protocol has heard of the loss, uvicorn would still answer 500.
    await connection.lost.wait()
