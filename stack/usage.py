"""What the stack costs: memory as PSS and processor time, per component."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stack.config import StackConfig
from stack.processes import stack_processes
from stack.supervisor import Supervisor

_MANAGER = "process manager"
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Of one component with all its children; pages that are shared count once (PSS), 100 % is one core."""

    component: str
    processes: int
    pss_megabytes: float
    core_percent: float


def measure(config: StackConfig, *, seconds: float) -> list[Usage]:
    """Watch the running stack for a while; the last row is the sum."""
    before, began_at = _ticks(config), time.monotonic()
    time.sleep(seconds)
    after, lasted = _ticks(config), time.monotonic() - began_at
    owners = _owners(config)
    rows = [
        Usage(
            component=name,
            processes=len(pids),
            pss_megabytes=sum(_pss_bytes(pid) for pid in pids) / 1e6,
            core_percent=100 * sum(after.get(pid, 0) - before.get(pid, 0) for pid in pids) / _TICKS_PER_SECOND / lasted,
        )
        for name, pids in owners.items()
    ]
    total = Usage(
        component="total",
        processes=sum(row.processes for row in rows),
        pss_megabytes=sum(row.pss_megabytes for row in rows),
        core_percent=sum(row.core_percent for row in rows),
    )
    return [*rows, total]


def table(rows: list[Usage]) -> str:
    """Lay the rows out in columns."""
    lines = [f"{'COMPONENT':<28}{'PROCESSES':>10}{'PSS MB':>10}{'% OF A CORE':>13}"]
    lines += [
        f"{row.component:<28}{row.processes:>10}{row.pss_megabytes:>10.0f}{row.core_percent:>13.1f}" for row in rows
    ]
    return "\n".join(lines)


def _owners(config: StackConfig) -> Mapping[str, list[int]]:
    """Return the process ids by component: a process belongs to the nearest ancestor that the manager started."""
    supervisor = Supervisor(config)
    roots = {info.pid: name for name, info in supervisor.processes().items() if info.pid}
    roots[supervisor.pid()] = _MANAGER
    owners: dict[str, list[int]] = {name: [] for name in roots.values()}
    for process in stack_processes(config):
        pid = process.pid
        while pid > 1 and pid not in roots:
            pid = _parent(pid)
        owners[roots.get(pid, _MANAGER)].append(process.pid)
    return owners


def _ticks(config: StackConfig) -> Mapping[int, int]:
    """Return the processor time used by each process, that of its ended children included."""
    return {process.pid: sum(int(value) for value in _stat(process.pid)[11:15]) for process in stack_processes(config)}


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on (proc(5) numbers them from 1); zeros when it ended."""
    with suppress(OSError):
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    return ["0"] * 15


def _pss_bytes(pid: int) -> int:
    with suppress(OSError):
        for line in Path("/proc", str(pid), "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
