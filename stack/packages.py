"""Debian packages: which are missing, and their installation without starting a single service.

Only the standard library is used here: this runs before the project's environment exists.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from stack.errors import PackagesMissing

PACKAGES_FILE = Path(__file__).resolve().parent.parent / "packages.txt"
_POLICY = Path("/usr/sbin/policy-rc.d")
_CLUSTER_DROP_IN = Path("/etc/postgresql-common/createcluster.d/platform-ops.conf")
_APT_SECONDS = 900


def listed_packages(sections: Sequence[str], *, path: Path = PACKAGES_FILE) -> list[str]:
    """Return the packages of the given sections of packages.txt, in its order."""
    names, section = [], ""
    for line in path.read_text().splitlines():
        opened = re.match(r"# \[(\w+)\]", line)
        if opened:
            section = opened[1]
        elif line.strip() and not line.startswith("#") and section in sections:
            names.append(line.strip())
    return names


def missing_packages(names: Sequence[str]) -> list[str]:
    """Return those that dpkg does not know as installed."""
    if shutil.which("dpkg-query") is None:
        raise PackagesMissing(f"not a Debian system: install by hand what {PACKAGES_FILE.name} lists")
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *names]
    done = subprocess.run(query, capture_output=True, text=True, check=False)  # exits 1 when one is unknown
    installed = {line.split()[0] for line in done.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in names if name not in installed]


def ensure_packages(sections: Sequence[str]) -> list[str]:
    """Install what is missing of the sections; return what was installed.

    Raises:
        PackagesMissing: neither root nor password-less sudo, or apt failed.
    """
    missing = missing_packages(listed_packages(sections))
    if not missing:
        return []
    as_root = _root_prefix()
    if as_root is None:
        raise PackagesMissing(f"missing Debian packages, run: sudo apt-get install {' '.join(missing)}")
    print(f"Installing Debian packages: {' '.join(missing)}", flush=True)
    with _no_services_started(as_root):
        _install(missing, as_root)
    return missing


def _root_prefix() -> list[str] | None:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    may_sudo = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    return ["sudo", "-n"] if may_sudo else None


def _install(names: Sequence[str], as_root: Sequence[str]) -> None:
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    install = [*apt, "install", "--no-install-recommends", *names]
    if _runs(install):
        return
    # The package lists are empty (containers) or older than the mirror.
    if not (_runs([*apt, "update"]) and _runs(install)):
        raise PackagesMissing(f"apt-get could not install: {' '.join(names)} (its messages are above)")


def _runs(command: Sequence[str]) -> bool:
    """Run a command quietly; what it said is shown only when it fails."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_APT_SECONDS, check=False
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout[-2000:] + done.stderr[-2000:])
    return done.returncode == 0


@contextmanager
def _no_services_started(as_root: Sequence[str]) -> Iterator[None]:
    """Keep apt from starting servers on their usual ports and from creating a database cluster; then restore.

    What systemd would start at the next boot is disabled too, but only units that were not there before.
    """
    units_before = _units()
    with (
        _file(_POLICY, "#!/bin/sh\nexit 101\n", 0o755, as_root),
        _file(_CLUSTER_DROP_IN, "create_main_cluster = false\n", 0o644, as_root),
    ):
        yield
    added = sorted(_units() - units_before)
    if added and Path("/run/systemd/system").exists():
        subprocess.run([*as_root, "systemctl", "disable", "--quiet", *added], check=False)


def _units() -> set[str]:
    directory = Path("/lib/systemd/system")
    return {path.name for path in directory.glob("*.service") if path.name.startswith(("prometheus", "postgresql"))}


@contextmanager
def _file(path: Path, text: str, mode: int, as_root: Sequence[str]) -> Iterator[None]:
    """Have a file for a while; one that is there already is left alone (Docker images bring a policy-rc.d)."""
    if path.exists():
        yield
        return
    had_directory = path.parent.exists()
    script = 'mkdir -p "$(dirname "$1")" && cat > "$1" && chmod "$2" "$1"'
    subprocess.run([*as_root, "sh", "-c", script, "sh", str(path), f"{mode:o}"], input=text, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run([*as_root, "rm", "-f", str(path)], check=True)
        if not had_directory and as_root == []:
            with suppress(OSError):  # the package keeps its own files there by now
                path.parent.rmdir()
