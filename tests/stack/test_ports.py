"""A port that somebody else holds is named, with its holder and what to change."""

import os
import socket

import pytest

from stack.components import Component, HttpCheck
from stack.errors import PortTaken
from stack.ports import refuse_taken_ports


def component(**ports: int) -> Component:
    return Component(name="x", command=("x",), environment={}, check=HttpCheck(url=""), ports=ports)


def test_taken_ports_are_named_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        numbers = [held.getsockname()[1] for held in (first, second)]
        with pytest.raises(PortTaken) as caught:
            refuse_taken_ports([component(ENGINE_PORT=numbers[0]), component(SANDBOX_PORT=numbers[1])])

    message = str(caught.value)
    assert "\n" not in message
    assert f"port {numbers[0]} is taken by" in message
    assert f"(process {os.getpid()})" in message
    assert "set ENGINE_PORT in .env" in message
    assert f"port {numbers[1]}" in message


def test_a_port_that_was_just_left_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", number))
        accepted, _ = server.accept()
        accepted.close()  # our side closes first: the connection stays in TIME_WAIT
        client.close()

    refuse_taken_ports([component(ENGINE_PORT=number)])
