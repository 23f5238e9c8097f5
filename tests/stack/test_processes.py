"""Processes of a stack are found by their environment; nobody else's is touched."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.config import MARKER, StackConfig
from stack.processes import end_processes, stack_processes

STUBBORN = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)"
SLEEP = "; time.sleep(600)"


@pytest.fixture
def config(tmp_path: Path) -> StackConfig:
    return StackConfig.load({"LOCAL_DIR": str(tmp_path / "ours")})


@pytest.fixture
def spawn() -> Iterator[object]:
    """Start a Python program that carries a stack's marker, and wait until it runs."""
    started: list[subprocess.Popen[str]] = []

    def start(local_dir: Path | str, code: str = "import time; print('ready', flush=True)" + SLEEP) -> int:
        environment = {"PATH": os.environ["PATH"], MARKER: str(local_dir)}
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        started.append(process)
        return process.pid

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_only_this_stack_is_found(config: StackConfig, spawn) -> None:
    ours = spawn(config.local_dir)
    spawn(f"{config.local_dir}2")
    spawn(config.local_dir.parent)

    assert [process.pid for process in stack_processes(config)] == [ours]


def test_a_process_that_ignores_term_is_killed(config: StackConfig, spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.processes._TERM_SECONDS", 0.2)
    spawn(config.local_dir)
    spawn(config.local_dir, STUBBORN + SLEEP)

    assert end_processes(config) == 2
    assert stack_processes(config) == []


def test_neighbours_survive(config: StackConfig, spawn) -> None:
    neighbour = spawn(f"{config.local_dir}2")

    assert end_processes(config) == 0
    os.kill(neighbour, 0)


def test_who_asks_is_not_ended(config: StackConfig) -> None:
    """`make down` may be called from a shell that carries the marker."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from stack.config import StackConfig; from stack.processes import end_processes;"
        "end_processes(StackConfig.load({'LOCAL_DIR': sys.argv[2]})); print('alive')"
    )
    environment = {**os.environ, MARKER: str(config.local_dir)}
    done = subprocess.run(
        ["sh", "-c", '"$@"; echo shell alive', "sh", sys.executable, "-c", code, str(config.root), config.local_dir],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.split("\n") == ["alive", "shell alive", ""], done.stderr
    assert signal.SIGTERM not in (done.returncode, -done.returncode)
