"""A running sandbox for tests that need outside systems."""

from collections.abc import Iterator

import pytest

from sandbox.testing import SandboxServer


@pytest.fixture(scope="session")
def _running_sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def sandbox_server(_running_sandbox: SandboxServer) -> SandboxServer:
    """A sandbox without faults, journal or messages; the events platform's API is off (it needs a database)."""
    _running_sandbox.reset()
    return _running_sandbox
