"""`make status`: every process with port, version and health."""

import re
import subprocess
import tomllib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version

from stack.components import Component, components
from stack.config import StackConfig
from stack.health import HEALTHY, health
from stack.secrets import load_secrets
from stack.supervisor import ProcessInfo, Supervisor


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    process: str
    port: str
    pid: str
    version: str
    health: str
    uptime: str

    @property
    def is_healthy(self) -> bool:
        """Say whether the component works."""
        return self.health == HEALTHY


def status(config: StackConfig) -> list[Row]:
    """Look at every component; those that are down are listed as such."""
    if not config.run_dir.exists():
        return []
    wanted = components(config, load_secrets(config))
    supervisor = Supervisor(config)
    known: Mapping[str, ProcessInfo] = supervisor.processes() if supervisor.is_running() else {}
    with ThreadPoolExecutor(max_workers=len(wanted)) as pool:
        return list(pool.map(lambda each: _row(each, known.get(each.name), config), wanted))


def table(rows: list[Row]) -> str:
    """Lay the rows out in columns."""
    heads = ("PROCESS", "PORT", "PID", "VERSION", "HEALTH", "UPTIME")
    lines = [heads, *((row.process, row.port, row.pid, row.version, row.health, row.uptime) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _row(component: Component, info: ProcessInfo | None, config: StackConfig) -> Row:
    is_up = info is not None and info.is_up
    return Row(
        process=component.name,
        port=" ".join(str(port) for port in component.ports.values()) or "-",
        pid=str(info.pid) if info is not None and is_up else "-",
        version=_version(component, config),
        health=_health(component, info),
        uptime=_duration(info.uptime_seconds) if info is not None and is_up else "-",
    )


def _health(component: Component, info: ProcessInfo | None) -> str:
    if info is None:
        return "down"
    return health(component.check, started_at=info.started_at) if info.is_up else info.state.lower()


def _version(component: Component, config: StackConfig) -> str:
    if component.version_command:
        done = subprocess.run(component.version_command, capture_output=True, text=True, check=False, timeout=5)
        found = re.search(r"\d+\.\d+[.\d]*", done.stdout + done.stderr)
        return found[0] if found else "?"
    if component.name.startswith("airflow-"):
        return version("apache-airflow")
    project = tomllib.loads((config.root / "pyproject.toml").read_text())
    return str(project["project"]["version"])


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
