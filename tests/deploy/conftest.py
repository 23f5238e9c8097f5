"""A compose file with drawn secrets, and the local stack's components to compare it with."""

from pathlib import Path
from typing import Any

import pytest

from deploy.draw_secrets import main as draw_secrets
from stack.components import Component, components
from stack.config import StackConfig, read_env_file
from stack.secrets import load_secrets, secrets_file
from tests.deploy.compose import load_compose


@pytest.fixture
def config(tmp_path: Path) -> StackConfig:
    return StackConfig.load({"LOCAL_DIR": str(tmp_path)})


@pytest.fixture
def secrets(config: StackConfig, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    draw_secrets(config)
    return read_env_file(secrets_file(config))


@pytest.fixture
def compose(secrets: dict[str, str]) -> dict[str, Any]:
    return load_compose(secrets)


@pytest.fixture
def local(config: StackConfig) -> dict[str, Component]:
    return {component.name: component for component in components(config, load_secrets(config))}
