"""`make setup`: Debian packages and the Python environment in `.venv`, from the lock file with hashes.

Runs with Debian's own Python and nothing but its standard library. A stamp makes the second call instant.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from stack.errors import StackError
from stack.packages import PACKAGES_FILE, ensure_packages

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
UV = "uv==0.13.8"
_OLDEST_PYTHON = (3, 11)


class SetupFailed(StackError):
    """The Python environment could not be made."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Set up what is missing; 1 with one line on stderr when that is impossible."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--with-tests", action="store_true", help="also what the tests need (a browser)")
    parser.add_argument("--lock", action="store_true", help="only write requirements.lock anew")
    options = parser.parse_args(arguments)
    sections = ["image", "stack", *(["tests"] if options.with_tests else [])]
    try:
        if options.lock:
            write_lock()
        else:
            set_up(sections)
    except StackError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


def set_up(sections: Sequence[str]) -> None:
    """Install Debian packages and the locked Python packages unless the stamp says that they are there."""
    if sys.version_info < _OLDEST_PYTHON:
        raise SetupFailed(f"Python {sys.version.split()[0]} is too old: 3.11 or newer is needed")
    stamp = VENV / f".stamp-{'-'.join(sections)}"
    digest = hashlib.sha256(LOCK.read_bytes() + PACKAGES_FILE.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    ensure_packages(sections)
    _install_locked()
    stamp.write_text(digest)


def write_lock() -> None:
    """Resolve the requirements to exact versions with hashes, for every platform and from Python 3.11 on.

    Raises:
        SetupFailed: uv is not to be had, or the requirements contradict each other.
    """
    uv = _find_uv(VENV / "bin" / "python")
    if uv is None:
        raise SetupFailed("uv is needed to write the lock file, and could not be installed")
    options = ["--python-version", "3.11", "--universal", "--generate-hashes", "--upgrade", "-q"]
    _run([uv, "pip", "compile", *options, "requirements-dev.txt", "-o", LOCK.name], "uv pip compile failed")


def _install_locked() -> None:
    python = VENV / "bin" / "python"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    stamp = VENV / ".stamp-lock"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not _works(python):
        print("Creating .venv", flush=True)
        shutil.rmtree(VENV, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(VENV)], "python3 -m venv failed: is python3-venv installed?")
    print("Installing the Python packages of requirements.lock", flush=True)
    uv = _find_uv(python)
    if uv is None:
        _run([str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(LOCK)], "pip install failed")
    else:
        _run([uv, "pip", "sync", "-q", "--python", str(python), "--require-hashes", str(LOCK)], "uv pip sync failed")
    stamp.write_text(wanted)


def _find_uv(python: Path) -> str | None:
    """Return a uv that works: the machine's, or a pinned one of our own; None when neither can be had.

    Ours lies in a directory of its own, because `uv pip sync` removes what the lock does not list.
    """
    ours = VENV / "tools" / "bin" / "uv"
    for candidate in (shutil.which("uv"), ours):
        if candidate and _works(Path(candidate)):
            return str(candidate)
    target = str(VENV / "tools")
    install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", target, UV]
    if subprocess.run(install, check=False, capture_output=True).returncode != 0:
        return None
    return str(ours) if _works(ours) else None


def _works(program: Path) -> bool:
    try:
        return subprocess.run([program, "--version"], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def _run(command: Sequence[str], what_failed: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    # uv trusts its own list of authorities otherwise and fails behind a company's proxy; the second is its older name.
    environment |= {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, env=environment, cwd=ROOT, check=False)
    if done.returncode != 0:
        raise SetupFailed(f"{what_failed} (its messages are above)")


if __name__ == "__main__":
    raise SystemExit(main())
