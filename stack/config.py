"""Settings of the local stack: documented defaults, then `.env`, then the environment, then what a caller passes."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from stack.errors import InvalidSetting

ROOT = Path(__file__).resolve().parent.parent
MARKER = "PLATFORM_OPS_STACK"  # every process of a stack carries it with the absolute LOCAL_DIR
COMPONENT_MARKER = "PLATFORM_OPS_COMPONENT"  # and this one with its component's name

# `sockaddr_un` holds 107 bytes, and supervisor binds to a name with its process id behind ours first.
_SOCKET_PATH_BYTES = 95
_PASSED_THROUGH = ("AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_VAR_", "PLATFORM_OPS_")


@dataclass(frozen=True, kw_only=True)
class Ports:
    """TCP ports on 127.0.0.1; each can be set in `.env` under its name in capitals with `_PORT` behind."""

    airflow_api: int = 18080
    pg_state: int = 15432
    pg_platform: int = 15433
    prometheus: int = 19090
    alertmanager: int = 19093
    node_exporter: int = 19100
    pg_exporter_state: int = 19187
    pg_exporter_platform: int = 19188
    engine: int = 18090
    sandbox: int = 18100
    sandbox_smtp: int = 11025

    @staticmethod
    def variable(field_name: str) -> str:
        """Return the name under which a port is set."""
        return f"{field_name.upper()}_PORT"

    def by_variable(self) -> dict[str, int]:
        """Return all ports under the names used in `.env`."""
        return {self.variable(field.name): getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, kw_only=True)
class StackConfig:
    """One stack: where its state lives, its ports, the size of its demo data.

    `extra` holds Airflow's and our own variables given in `.env` or by the caller; they win over what the stack sets,
    so that for example any connection can be pointed at a real service.
    """

    root: Path
    local_dir: Path
    ports: Ports
    seed_rows: int
    seed: int
    extra: dict[str, str]

    @classmethod
    def load(cls, overrides: Mapping[str, str] | None = None, *, root: Path = ROOT) -> "StackConfig":
        """Read the settings; `overrides` win over the environment, which wins over `.env`.

        Raises:
            InvalidSetting: a port or number is not one, or two ports are equal.
        """
        ours = {**read_env_file(root / ".env"), **(overrides or {})}
        values = {**ours, **{name: value for name, value in os.environ.items() if name not in (overrides or {})}}
        ports = Ports(
            **{
                field.name: _port(values, Ports.variable(field.name), default=getattr(Ports, field.name))
                for field in fields(Ports)
            }
        )
        _refuse_equal(ports)
        return cls(
            root=root,
            local_dir=(root / values.get("LOCAL_DIR", ".local")).resolve(),
            ports=ports,
            seed_rows=_number(values, "SEED_ROWS", default=200_000),
            seed=_number(values, "SEED", default=20240301),
            extra={name: value for name, value in ours.items() if name.startswith(_PASSED_THROUGH)},
        )

    @property
    def run_dir(self) -> Path:
        """Directory of the process manager: socket, process ids, what it starts."""
        return self.local_dir / "run"

    @property
    def log_dir(self) -> Path:
        """Directory of one log file per component."""
        return self.local_dir / "logs"

    @property
    def airflow_home(self) -> Path:
        """AIRFLOW_HOME."""
        return self.local_dir / "airflow"

    @property
    def supervisor_socket(self) -> Path:
        """Socket of the process manager; in /tmp when the checkout lies too deep for a socket's name."""
        inside = self.run_dir / "supervisor.sock"
        if len(os.fsencode(inside)) <= _SOCKET_PATH_BYTES:
            return inside
        digest = hashlib.sha256(os.fsencode(self.local_dir)).hexdigest()[:16]
        return Path(f"/tmp/platform-ops-{os.getuid()}-{digest}.sock")  # noqa: S108 - bound 0700, name per user

    @property
    def python(self) -> str:
        """Python of the project's environment."""
        return str(self.root / ".venv" / "bin" / "python")


def read_env_file(path: Path) -> dict[str, str]:
    """Read `NAME=value` lines; comments, blank lines and quotes around a value are dropped.

    Raises:
        InvalidSetting: a line is neither.
    """
    if not path.exists():
        return {}
    values = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidSetting(f"{path}:{number}: expected NAME=value, found {text!r}")
        values[name.strip()] = value.strip().strip("'\"")
    return values


def _number(values: Mapping[str, str], name: str, *, default: int) -> int:
    text = values.get(name, "") or str(default)
    if not text.isdecimal():
        raise InvalidSetting(f"{name}={text!r} is not a whole number: correct it in .env")
    return int(text)


def _port(values: Mapping[str, str], name: str, *, default: int) -> int:
    port = _number(values, name, default=default)
    if not 1024 <= port <= 65535:
        raise InvalidSetting(f"{name}={port} is not a port from 1024 to 65535: correct it in .env")
    return port


def _refuse_equal(ports: Ports) -> None:
    seen: dict[int, str] = {}
    for name, port in ports.by_variable().items():
        if port in seen:
            raise InvalidSetting(f"{seen[port]} and {name} are both {port}: correct one in .env")
        seen[port] = name
