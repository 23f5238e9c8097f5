"""Start and stop a stack. `up` may be called at any time: it starts what is down and leaves the rest alone."""

import fcntl
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stack.components import POSTGRES_PLATFORM, POSTGRES_STATE, Component, components
from stack.config import StackConfig
from stack.databases import prepare_databases
from stack.errors import DiskFull, PackagesMissing, StackBusy
from stack.monitoring import reload_monitoring, render_configuration
from stack.ports import refuse_taken_ports
from stack.preparation import create_clusters, make_directories
from stack.processes import end_processes, wait_for_exit
from stack.progress import Progress, Silence
from stack.secrets import load_secrets
from stack.supervisor import Supervisor
from stack.waiting import await_answers

_SHUTDOWN_SECONDS = 30
_FREE_BYTES = 1_000_000_000  # WAL of two clusters, logs and a day of metrics


def up(config: StackConfig, *, progress: Progress | None = None) -> None:
    """Start everything that is down and return when every component answers.

    Raises:
        StackError: one line that names what is missing, taken, full or does not answer.
    """
    progress = progress or Silence()
    _refuse_full_disk(config)
    make_directories(config)
    with _only_one(config):
        secrets = load_secrets(config)
        render_configuration(config, secrets)
        wanted = components(config, secrets)
        _refuse_missing_programs(wanted)
        supervisor = _running_supervisor(config, wanted, progress)
        databases = [each for each in wanted if each.name in (POSTGRES_STATE, POSTGRES_PLATFORM)]
        create_clusters(config, secrets)
        supervisor.start_all([each.name for each in wanted if not each.needs_databases])
        await_answers(supervisor, databases, config, progress)
        prepare_databases(config, secrets, announce=progress.line)
        supervisor.start_all([each.name for each in wanted])
        await_answers(supervisor, [each for each in wanted if each not in databases], config, progress)
        reload_monitoring(config)


def down(config: StackConfig, *, progress: Progress | None = None) -> int:
    """Stop the stack and return how many processes had to be ended without the process manager's help.

    Works as well when the process manager or anything else was killed: what is left is found by its environment.

    Raises:
        ProcessesLeft: a process survived SIGKILL.
    """
    progress = progress or Silence()
    if not config.local_dir.exists():
        return 0
    config.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _only_one(config):
        supervisor = Supervisor(config)
        if supervisor.is_running():
            _stop_orderly(supervisor, progress)
        left = end_processes(config)
        config.supervisor_socket.unlink(missing_ok=True)
    return left


def _stop_orderly(supervisor: Supervisor, progress: Progress) -> None:
    """Stop what uses the databases first, all at once, then the databases, then the process manager."""
    names = set(supervisor.processes())
    databases = names & {POSTGRES_STATE, POSTGRES_PLATFORM}
    progress.line("stopping")
    supervisor.stop(names - databases)
    supervisor.stop(databases)
    pid = supervisor.pid()
    supervisor.shut_down()
    wait_for_exit(pid, seconds=_SHUTDOWN_SECONDS)


def _running_supervisor(config: StackConfig, wanted: Sequence[Component], progress: Progress) -> Supervisor:
    """Return a process manager that knows the wanted components; a changed setting restarts only what it concerns."""
    supervisor = Supervisor(config)
    supervisor.write_configuration(wanted)
    up_now: set[str] = set()
    if supervisor.is_running():
        for name in supervisor.apply_configuration():
            progress.line(f"{name:<28} its settings changed")
        up_now = {name for name, info in supervisor.processes().items() if info.is_up}
    elif orphans := end_processes(config):
        progress.line(f"ended {orphans} processes that a killed process manager had left")
    refuse_taken_ports(each for each in wanted if each.name not in up_now)
    if not supervisor.is_running():
        supervisor.start()
    return supervisor


def _refuse_missing_programs(wanted: Sequence[Component]) -> None:
    """Name what is not installed; Debian calls these packages like their programs."""
    programs = {each.version_command[0] for each in wanted if each.version_command}
    missing = sorted(Path(program).name for program in programs if not Path(program).exists())
    if missing:
        raise PackagesMissing(f"not installed: {', '.join(missing)}; `make setup` installs what is missing")


def _refuse_full_disk(config: StackConfig) -> None:
    directory = config.local_dir
    while not directory.exists():
        directory = directory.parent
    free = shutil.disk_usage(directory).free
    if free < _FREE_BYTES:
        raise DiskFull(
            f"{config.local_dir}: {free // 1_000_000} MB free, the stack needs {_FREE_BYTES // 1_000_000} MB"
        )


@contextmanager
def _only_one(config: StackConfig) -> Iterator[None]:
    """Hold the stack's lock; the kernel gives it back when its holder dies."""
    with (config.run_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackBusy(f"another `up` or `down` of {config.local_dir} is running") from None
        yield
