"""A whole stack on free ports: comes up, stays up when parts are killed, and leaves nothing behind."""

import fcntl
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stack.__main__ import main
from stack.clusters import cluster_directories
from stack.config import Ports, StackConfig
from stack.environment import postgres_uri
from stack.errors import ComponentFailed, DiskFull, PortTaken, StackBusy
from stack.lifecycle import down, up
from stack.processes import stack_processes
from stack.secrets import load_secrets
from stack.status import status
from stack.supervisor import Supervisor
from tests.support.ports import free_ports
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(400)

RESTART_SECONDS = 120


def free_stack(local_dir: Path, **overrides: str) -> StackConfig:
    names = [Ports.variable(name) for name in Ports.__dataclass_fields__]
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    return StackConfig.load({"LOCAL_DIR": str(local_dir), "SEED_ROWS": "2000", **ports, **overrides})


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackConfig]:
    """A stack of its own, because these tests kill it; it is down again afterwards, whatever happened."""
    config = free_stack(tmp_path_factory.mktemp("stack"))
    try:
        up(config)
        yield config
    finally:
        down(config)
        for data in cluster_directories(config):  # outside the directory where a private one cannot be entered
            shutil.rmtree(data, ignore_errors=True)


def pids(config: StackConfig) -> dict[str, int]:
    return {name: info.pid for name, info in Supervisor(config).processes().items()}


def unhealthy(config: StackConfig) -> dict[str, str]:
    return {row.process: row.health for row in status(config) if not row.is_healthy}


def left_behind(config: StackConfig) -> list[str]:
    """Look for the stack without its own means: whoever names its directory, or stands in it, is still there."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal() or int(process.name) == os.getpid():
            continue
        try:
            traces = (process / "cmdline").read_bytes() + b"\0" + os.fsencode((process / "cwd").readlink())
            traces += (process / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(config.local_dir) in traces:
            found.append(f"{process.name}: {traces[:100]!r}")
    return found


def left_of(before: dict[str, int], config: StackConfig) -> list[int]:
    """Return the processes of the first generation that are still there, by their process group."""
    groups = set(before.values())
    return [process.pid for process in stack_processes(config) if os.getpgid(process.pid) in groups]


def test_everything_answers_when_up_returns(config: StackConfig) -> None:
    assert unhealthy(config) == {}
    assert len(status(config)) == 13


def test_databases_do_not_run_as_root(config: StackConfig) -> None:
    secrets = load_secrets(config)
    for cluster in ("state", "platform"):
        dsn = postgres_uri(config, secrets, cluster=cluster, user="postgres", database="postgres")
        with psycopg.connect(dsn) as connection:
            # What the server sees of itself: in a user namespace the kernel shows root to everybody outside.
            row = connection.execute("SELECT pg_read_file('/proc/self/status', 0, 4000)").fetchone()
        assert row
        assert re.search(r"^Uid:\t(?!0\b)\d+", row[0], re.MULTILINE)


def test_no_secret_is_shown_by_the_process_list_or_readable_by_others(config: StackConfig) -> None:
    secrets = set(load_secrets(config).values())
    shown = " ".join(process.command for process in stack_processes(config))
    shown += (config.run_dir / "supervisord.conf").read_text()

    assert not [secret for secret in secrets if secret in shown]
    for path in [config.local_dir / "secrets.env", *(config.run_dir / "programs").iterdir()]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_up_again_starts_nothing_anew(config: StackConfig) -> None:
    before = pids(config)

    up(config)

    assert pids(config) == before


def test_a_taken_port_is_named_and_nothing_is_started(config: StackConfig, tmp_path: Path) -> None:
    engine = config.ports.engine
    other = free_stack(tmp_path, ENGINE_PORT=str(engine))

    with pytest.raises(PortTaken, match=rf"port {engine} is taken by python\S* \(process \d+\): set ENGINE_PORT in"):
        up(other)

    assert left_behind(other) == []


def test_a_changed_setting_restarts_only_what_it_concerns(config: StackConfig) -> None:
    before = pids(config)
    [port] = free_ports(1)
    ports = {name: str(number) for name, number in config.ports.by_variable().items()}
    moved = StackConfig.load(
        {"LOCAL_DIR": str(config.local_dir), "SEED_ROWS": "2000"} | ports | {"NODE_EXPORTER_PORT": str(port)}
    )

    up(moved)
    after = pids(moved)
    up(config)

    assert {name for name in before if before[name] != after[name]} == {"node-exporter"}


def test_two_at_once_are_refused(config: StackConfig) -> None:
    with (config.run_dir / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StackBusy, match="another `up` or `down` of"):
            down(config)


def test_killed_components_come_back_by_themselves(config: StackConfig) -> None:
    before = pids(config)
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)

    wait_until(lambda: all(pid not in (0, before[name]) for name, pid in pids(config).items()), seconds=30)
    wait_until(lambda: not unhealthy(config), seconds=RESTART_SECONDS, every=1, what="every component to answer again")
    assert left_of(before, config) == []


def test_a_killed_process_manager_is_replaced_by_up(config: StackConfig) -> None:
    before = pids(config)
    os.kill(Supervisor(config).pid(), signal.SIGKILL)

    up(config)

    assert unhealthy(config) == {}
    assert not set(before.values()) & set(pids(config).values())


def test_down_leaves_nothing_after_the_process_manager_and_others_were_killed(config: StackConfig) -> None:
    victims = pids(config)
    for pid in (Supervisor(config).pid(), victims["postgres-state"], victims["airflow-scheduler"]):
        os.kill(pid, signal.SIGKILL)

    assert down(config) > 0

    assert left_behind(config) == []
    assert down(config) == 0


def test_a_component_that_cannot_start_is_named_with_its_last_words(config: StackConfig) -> None:
    down(config)
    ports = {name: str(number) for name, number in config.ports.by_variable().items()}
    broken = StackConfig.load(
        {"LOCAL_DIR": str(config.local_dir), "SEED_ROWS": "2000", "PLATFORM_OPS_TIMEZONE": "Mars/Olympus"} | ports
    )

    with pytest.raises(ComponentFailed, match=r"does not come up .*Mars/Olympus"):
        up(broken)

    down(broken)
    assert left_behind(config) == []


def test_a_full_disk_is_one_line(
    config: StackConfig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("stack.lifecycle._FREE_BYTES", 10**18)

    with pytest.raises(DiskFull, match=r"MB free, the stack needs"):
        up(config)

    monkeypatch.setenv("LOCAL_DIR", str(config.local_dir))
    assert main(["up"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
