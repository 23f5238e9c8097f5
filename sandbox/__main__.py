"""``python -m sandbox``: serve everything until SIGTERM or SIGINT."""

from __future__ import annotations

import errno
import logging
import socket
import sys

import uvicorn

from sandbox.app import build_app
from sandbox.config import settings_from_environment
from sandbox.connections import TrackedProtocol
from sandbox.errors import PortTaken, SandboxError

_SHUTDOWN_SECONDS = 3


def main() -> int:
    """Run the sandbox and return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = settings_from_environment()
        http_listener = _listen(settings.host, settings.port, "SANDBOX_PORT")
        smtp_listener = _listen(settings.smtp_host, settings.smtp_port, "SANDBOX_SMTP_PORT")
    except SandboxError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    config = uvicorn.Config(
        build_app(settings, smtp_listener=smtp_listener),
        http=TrackedProtocol,
        loop="asyncio",  # uvloop takes 6 MB more and gains nothing at this load
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[http_listener])
    return 0


def _listen(host: str, port: int, variable: str) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=512)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"port {port} ({variable}) on {host} is taken; choose another in .env") from None
        raise


if __name__ == "__main__":
    sys.exit(main())
