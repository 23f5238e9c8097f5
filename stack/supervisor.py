"""The process manager (supervisor): its configuration, and its interface over a unix socket."""

import hashlib
import json
import os
import shlex
import subprocess
import time
import xmlrpc.client
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, cast

from supervisor.xmlrpc import Faults, SupervisorTransport

from stack.components import Component
from stack.config import COMPONENT_MARKER, StackConfig
from stack.environment import base_environment
from stack.errors import ComponentFailed
from stack.files import write_private

_START_SECONDS = 15
_POLL_SECONDS = 0.1

# Supervisor waits one second longer before each try: 20 tries span three and a half minutes, in which a database
# that was killed has recovered. Then it says FATAL instead of trying for ever.
_PROGRAM = """
[program:{name}]
command={command}
autostart=false
autorestart=true
startsecs=1
startretries=20
stopsignal={stop_signal}
stopwaitsecs={stop_seconds}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""

_DAEMON = """\
[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
logfile={log}
logfile_maxbytes=5MB
logfile_backups=1
pidfile={pidfile}
childlogdir={run_dir}
nodaemon=false
silent=true
minfds=1024
{user}
"""


@dataclass(frozen=True, kw_only=True)
class ProcessInfo:
    """What the process manager knows about a component. `started_at` is in seconds since the epoch."""

    name: str
    state: str
    pid: int
    started_at: float
    uptime_seconds: float
    description: str

    @property
    def is_up(self) -> bool:
        """Say whether the process is there, or is just being started."""
        return self.state in {"RUNNING", "STARTING"}


class Supervisor:
    """Client of one stack's process manager."""

    def __init__(self, config: StackConfig) -> None:
        self._config = config
        self._conf = config.run_dir / "supervisord.conf"

    def _call(self, method: str, *arguments: object) -> Any:
        """Call a method over a new connection: one that failed once stays unusable."""
        transport = SupervisorTransport(None, None, f"unix://{self._config.supervisor_socket}")
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as server:
            return getattr(server.supervisor, method)(*arguments)

    def is_running(self) -> bool:
        """Say whether the process manager answers."""
        try:
            return cast("str", self._call("getState")["statename"]) in {"RUNNING", "RESTARTING"}
        except (OSError, HTTPException, xmlrpc.client.Error):
            return False

    def pid(self) -> int:
        """Return the process manager's own process id."""
        return cast("int", self._call("getPID"))

    def start(self) -> None:
        """Start the process manager, with no component yet.

        Raises:
            ComponentFailed: it does not answer.
        """
        self._config.supervisor_socket.unlink(missing_ok=True)  # what a killed one left
        command = [self._config.python, "-m", "supervisor.supervisord", "-c", str(self._conf)]
        done = subprocess.run(
            command,
            env=base_environment(self._config),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        if done.returncode != 0:
            raise ComponentFailed(f"supervisord does not start: {(done.stderr or done.stdout).strip()[-300:]}")
        deadline = time.monotonic() + _START_SECONDS
        while not self.is_running():
            if time.monotonic() > deadline:
                raise ComponentFailed(f"supervisord does not answer; see {self._config.log_dir}/supervisord.log")
            time.sleep(_POLL_SECONDS)

    def write_configuration(self, wanted: Sequence[Component]) -> None:
        """Write the process manager's configuration and one private file per component."""
        parts = [self._daemon_section(), *(self._program_section(component) for component in wanted)]
        self._conf.write_text("".join(parts))

    def apply_configuration(self) -> list[str]:
        """Make a running process manager take the written configuration; return what was changed or removed.

        Only components whose command or environment changed are stopped.
        """
        added, changed, removed = self._call("reloadConfig")[0]
        for name in (*changed, *removed):
            self.stop([name])
            self._call("removeProcessGroup", name)
        for name in (*added, *changed):
            self._call("addProcessGroup", name)
        return [*changed, *removed]

    def processes(self) -> dict[str, ProcessInfo]:
        """Return all components by name."""
        return {info["name"]: _process_info(info) for info in self._call("getAllProcessInfo")}

    def start_all(self, names: Collection[str]) -> None:
        """Start those of the components that are down, without waiting for them."""
        known = self.processes()
        for name in names:
            if not known[name].is_up:
                self._start_one(name)

    def stop(self, names: Collection[str]) -> None:
        """Stop components at the same time and wait; each is killed after its own time limit."""
        for name in names:
            try:
                self._call("stopProcess", name, False)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode not in (Faults.NOT_RUNNING, Faults.BAD_NAME):
                    raise
        while any(info.state == "STOPPING" for name, info in self.processes().items() if name in names):
            time.sleep(_POLL_SECONDS)

    def shut_down(self) -> None:
        """End the process manager, which ends what is left below it."""
        self._call("shutdown")

    def _start_one(self, name: str) -> None:
        try:
            self._call("startProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == Faults.ALREADY_STARTED:
                return
            raise ComponentFailed(f"{name} cannot be started: {fault.faultString}") from fault

    def _daemon_section(self) -> str:
        run_dir = self._config.run_dir
        return _DAEMON.format(
            socket=_escaped(self._config.supervisor_socket),
            log=_escaped(self._config.log_dir / "supervisord.log"),
            pidfile=_escaped(run_dir / "supervisord.pid"),
            run_dir=_escaped(run_dir),
            user="user=root" if os.getuid() == 0 else "",  # said openly, or supervisor warns at each start
        )

    def _program_section(self, component: Component) -> str:
        program = self._config.run_dir / "programs" / f"{component.name}.json"
        environment = component.environment | {COMPONENT_MARKER: component.name}
        text = json.dumps(
            {"command": component.command, "environment": environment, "directory": str(self._config.root)}
        )
        write_private(program, text)
        version = hashlib.sha256(text.encode()).hexdigest()[:16]
        launcher = str(self._config.root / "stack" / "launch.py")
        return _PROGRAM.format(
            name=component.name,
            command=_escaped(shlex.join([self._config.python, "-IS", launcher, str(program), version])),
            stop_signal=component.stop_signal,
            stop_seconds=component.stop_seconds,
            log=_escaped(self._config.log_dir / f"{component.name}.log"),
        )


def _process_info(info: dict[str, Any]) -> ProcessInfo:
    return ProcessInfo(
        name=info["name"],
        state=info["statename"],
        pid=info["pid"],
        started_at=float(info["start"]),
        uptime_seconds=max(0.0, float(info["now"] - info["start"])) if info["pid"] else 0.0,
        description=info["spawnerr"] or info["description"],
    )


def _escaped(value: object) -> str:
    """Escape for supervisor's ini file, which expands %(name)s."""
    return str(value).replace("%", "%%")
