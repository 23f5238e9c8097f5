"""The process: its settings, a taken port, and how it ends."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sandbox.config import settings_from_environment
from sandbox.errors import InvalidSetting
from sandbox.testing import SandboxServer


def test_defaults() -> None:
    settings = settings_from_environment({})
    assert (settings.port, settings.smtp_port, settings.host) == (18100, 11025, "127.0.0.1")
    assert settings.public_url == "http://127.0.0.1:18100"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SANDBOX_PORT", "no"),
        ("SANDBOX_SMTP_PORT", "70000"),
        ("SANDBOX_KUBERNETES_TERMINATION_SECONDS", "soon"),
        ("SANDBOX_KUBERNETES_TERMINATION_SECONDS", "-1"),
        ("SANDBOX_TIMEZONE", "Mars/Base"),
    ],
)
def test_bad_settings_are_named(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=name):
        settings_from_environment({name: value})


def test_without_credentials_everybody_is_refused() -> None:
    missing = settings_from_environment({}).services_without_credentials()
    assert "kubernetes: SANDBOX_KUBERNETES_TOKEN" in missing


def test_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = os.environ | {"SANDBOX_PORT": str(port), "SANDBOX_STATE_DIR": str(tmp_path)}
        command = [sys.executable, "-m", "sandbox"]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        f"sandbox: port {port} (SANDBOX_PORT) on 127.0.0.1 is taken; choose another in .env"
    ]


def test_ends_at_once_and_stays_small(tmp_path: Path) -> None:
    with SandboxServer(state_dir=tmp_path) as server:
        server.call("GET", "/k8s/version", token=server.credentials.kubernetes_token)
        assert server.pid is not None
        assert psutil.Process(server.pid).memory_info().rss < 110 * 1024**2
        server.stop()
        assert server.pid is None
    assert "Traceback" not in (tmp_path / "sandbox.log").read_text()
