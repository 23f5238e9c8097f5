"""Rendered configuration and the servers that run on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.monitoring import Rendered, render_config, running_alertmanager


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return render_config(Path(tmp_path_factory.mktemp("monitoring")))


@pytest.fixture(scope="module")
def alertmanager(rendered: Rendered) -> Iterator[str]:
    """The address of a running Alertmanager; nobody takes what it sends."""
    with running_alertmanager(rendered) as address:
        yield address
