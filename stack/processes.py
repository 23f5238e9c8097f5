"""The stack's processes as the kernel knows them: found by their environment, ended for certain."""

import os
import select
import signal
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stack.clusters import cluster_directories
from stack.config import MARKER, StackConfig
from stack.errors import ProcessesLeft

_PROC = Path("/proc")
_TERM_SECONDS = 5
_KILL_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class StackProcess:
    """A process of this stack. Databases go last, by SIGINT (fast shutdown)."""

    pid: int
    command: str
    is_postgres: bool


def stack_processes(config: StackConfig) -> list[StackProcess]:
    """Find the processes that belong to this stack and to no other, ourselves and our parents left out."""
    ourselves = set(_ancestors(os.getpid()))
    marker = os.fsencode(f"{MARKER}={config.local_dir}")
    clusters = cluster_directories(config)
    return [found for pid in _pids() if pid not in ourselves and (found := _examine(pid, marker, clusters))]


def end_processes(config: StackConfig) -> int:
    """End whatever is left of the stack, databases last; return how many there were.

    TERM first, KILL after a time limit. Children that were started in the meantime are found too.

    Raises:
        ProcessesLeft: something survived KILL (an uninterruptible system call).
    """
    found = stack_processes(config)
    _end([process for process in found if not process.is_postgres], first=signal.SIGTERM)
    _end([process for process in stack_processes(config) if not process.is_postgres], first=signal.SIGKILL)
    _end(stack_processes(config), first=signal.SIGINT)
    left = stack_processes(config)
    if left:
        names = ", ".join(f"{process.pid} ({process.command})" for process in left)
        raise ProcessesLeft(f"still running after SIGKILL: {names}")
    return len(found)


def wait_for_exit(pid: int, *, seconds: float) -> bool:
    """Wait for a process that is not our child; say whether it ended in time."""
    handle = _open(pid)
    if handle is None:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def _end(processes: Collection[StackProcess], *, first: signal.Signals) -> None:
    handles = [handle for process in processes if (handle := _open(process.pid)) is not None]
    try:
        remaining = _signal_and_wait(handles, first, seconds=_TERM_SECONDS)
        _signal_and_wait(remaining, signal.SIGKILL, seconds=_KILL_SECONDS)
    finally:
        for handle in handles:
            os.close(handle)


def _signal_and_wait(handles: Collection[int], with_signal: signal.Signals, *, seconds: float) -> set[int]:
    """Signal through process handles, which never mean a later process of the same number; return the survivors."""
    waiting = set(handles)
    for handle in handles:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, with_signal)
    deadline = time.monotonic() + seconds
    while waiting and (left := deadline - time.monotonic()) > 0:
        ended, _, _ = select.select(list(waiting), [], [], left)
        waiting -= set(ended)
    return waiting


def _open(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _examine(pid: int, marker: bytes, clusters: Collection[Path]) -> StackProcess | None:
    directory = _PROC / str(pid)
    try:
        environment = (directory / "environ").read_bytes().split(b"\0")
        command = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        # PostgreSQL's children overwrite their environment with their title, but stay in the data directory.
        is_postgres = (directory / "exe").readlink().name.startswith("postgres")
        working_directory = (directory / "cwd").readlink()
    except OSError:  # it ended meanwhile, is a kernel thread, or belongs to somebody else
        return None
    is_ours = marker in environment or (is_postgres and working_directory in clusters)
    return StackProcess(pid=pid, command=command[:80], is_postgres=is_postgres) if is_ours else None


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal())


def _ancestors(pid: int) -> Iterator[int]:
    while pid > 0:
        yield pid
        try:
            status = (_PROC / str(pid) / "stat").read_text()
        except OSError:
            return
        pid = int(status.rpartition(")")[2].split()[1])
