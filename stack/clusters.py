"""PostgreSQL clusters of our own: create one, and the command that runs it in the foreground."""

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from stack.config import StackConfig
from stack.errors import ClusterError
from stack.files import write_private
from stack.privileges import Identity, unprivileged_identity

POSTGRES_MAJOR = 15
SUPERUSER = "postgres"
_DEBIAN_BIN = Path(f"/usr/lib/postgresql/{POSTGRES_MAJOR}/bin")
_INITDB_SECONDS = 120
_REACHABLE_BY_ALL = Path("/var/tmp")  # noqa: S108 - the directory made there is 0700 and its name is ours

# TCP only: socket paths are limited to 107 bytes, which a deep checkout exceeds.
_HOST_BASED_AUTHENTICATION = """\
host all all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
"""


def postgres_tool(name: str) -> str:
    """Return the path of a PostgreSQL program, Debian's versioned directory first.

    Raises:
        ClusterError: the program is not installed.
    """
    debian = _DEBIAN_BIN / name
    found = str(debian) if debian.exists() else shutil.which(name)
    if found is None:
        raise ClusterError(f"{name} not found: install the Debian package postgresql-{POSTGRES_MAJOR}")
    return found


def data_directory(wanted: Path, identity: Identity | None = None) -> Path:
    """Return `wanted`, or a directory below /var/tmp when the identity cannot reach it."""
    identity = identity or unprivileged_identity()
    wanted.parent.mkdir(parents=True, exist_ok=True)
    if identity.owner is None or identity.can_enter(wanted.parent):
        return wanted
    digest = hashlib.sha256(str(wanted).encode()).hexdigest()[:16]
    return _REACHABLE_BY_ALL / f"platform-ops-{digest}"


def cluster_directories(config: StackConfig) -> tuple[Path, Path]:
    """Return the data directories of *state* and *platform*."""
    return data_directory(config.local_dir / "pg" / "state"), data_directory(config.local_dir / "pg" / "platform")


def remove_stale_lock(data: Path) -> None:
    """Remove the lock file that a killed server left.

    PostgreSQL believes the file when another process has its number by now, and then refuses to start for ever.
    """
    lock = data / "postmaster.pid"
    if not lock.exists():
        return
    pid = lock.read_text().splitlines()[0].strip()
    with suppress(OSError):  # no such process, or not ours: not our server either way
        if Path("/proc", pid, "cwd").readlink() == data:
            return
    lock.unlink()


def create_cluster(data: Path, *, password: str, settings: Mapping[str, object]) -> None:
    """Create a cluster in `data` unless one is there, and write its settings.

    Settings are written every time, so that a changed port or size takes effect at the next start.

    Raises:
        ClusterError: initdb failed; the message is initdb's last line.
    """
    if not (data / "PG_VERSION").exists():
        _initdb(data, password=password)
    identity = unprivileged_identity()
    _write(data / "pg_hba.conf", _HOST_BASED_AUTHENTICATION, identity)
    lines = "".join(f"{name} = {_literal(value)}\n" for name, value in settings.items())
    _write(data / "postgresql.auto.conf", lines, identity)


def postgres_command(data: Path, *, port: int) -> list[str]:
    """Return the command that runs the cluster in the foreground, not as root.

    The port is part of it, so that another port makes another command and the process manager starts it anew.
    """
    return [*unprivileged_identity().prefix, postgres_tool("postgres"), "-D", str(data), "-p", str(port)]


def _initdb(data: Path, *, password: str) -> None:
    identity = unprivileged_identity()
    shutil.rmtree(data, ignore_errors=True)  # what an interrupted initdb left
    data.mkdir(parents=True, mode=0o700)
    identity.own(data)
    # Beside the directory, not on stdin: another user may not open a pipe of ours by its name.
    password_file = data.with_name(f".{data.name}.password")
    write_private(password_file, password)
    identity.own(password_file)
    command = [*identity.prefix, postgres_tool("initdb"), "-D", str(data), "-U", SUPERUSER, "-E", "UTF8"]
    command += ["--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync"]
    try:
        done = subprocess.run(command, text=True, capture_output=True, timeout=_INITDB_SECONDS, check=False, cwd="/")
    finally:
        password_file.unlink()
    if done.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        last_line = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ClusterError(f"initdb of {data} failed: {last_line}")


def _write(path: Path, text: str, identity: Identity) -> None:
    path.write_text(text)
    path.chmod(0o600)
    identity.own(path)


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "'" + str(value).replace("'", "''") + "'"
