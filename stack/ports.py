"""Ports that somebody else holds: found before anything is started, named with their holder."""

import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress

import psutil

from stack.components import Component
from stack.environment import HOST
from stack.errors import PortTaken


def refuse_taken_ports(components: Iterable[Component]) -> None:
    """Check the ports of components that are about to be started.

    Raises:
        PortTaken: one line that names each taken port, its holder and the variable to change.
    """
    wanted: Mapping[str, int] = {name: port for each in components for name, port in each.ports.items()}
    taken = [f"{_describe(port)}: set {name} in .env or stop it" for name, port in wanted.items() if _is_taken(port)]
    if taken:
        raise PortTaken("; ".join(taken))


def _is_taken(port: int) -> bool:
    """Say whether binding fails; SO_REUSEADDR ignores connections of the past that are in TIME_WAIT."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def _describe(port: int) -> str:
    holder = _holder(port)
    return f"port {port} is taken by {holder}" if holder else f"port {port} is taken"


def _holder(port: int) -> str:
    """Return the name and process id of who listens, empty when it is somebody else's secret."""
    with suppress(psutil.AccessDenied, psutil.NoSuchProcess):
        for connection in psutil.net_connections("tcp"):
            listens_here = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if listens_here and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
