"""PostgreSQL gets an identity that is not root, by whichever way the machine allows."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import privileges
from stack.clusters import create_cluster, data_directory, remove_stale_lock
from stack.errors import NoUnprivilegedIdentity
from stack.privileges import unprivileged_identity

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")


@pytest.fixture
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that forbids user namespaces, as containers often do."""
    real = privileges._succeeds
    monkeypatch.setattr(privileges, "_succeeds", lambda *command: command[0] != "unshare" and real(*command))
    unprivileged_identity.cache_clear()
    yield
    unprivileged_identity.cache_clear()


def test_the_command_does_not_see_itself_as_root() -> None:
    done = subprocess.run([*unprivileged_identity().prefix, "id", "-u"], capture_output=True, text=True, check=True)

    assert done.stdout.strip() != "0"


@as_root
def test_a_cluster_below_a_private_directory_without_namespaces(tmp_path: Path, no_namespaces: None) -> None:
    (tmp_path / "root").mkdir(mode=0o700)
    data = data_directory(tmp_path / "root" / "checkout" / "pg")

    assert str(data).startswith("/var/tmp/platform-ops-")
    assert data == data_directory(tmp_path / "root" / "checkout" / "pg")
    try:
        create_cluster(data, password="x", settings={"port": 1})
        assert data.owner() == "postgres"
    finally:
        subprocess.run(["rm", "-rf", str(data)], check=True)


@as_root
def test_no_way_at_all_is_one_line(monkeypatch: pytest.MonkeyPatch, no_namespaces: None) -> None:
    def unknown(name: str) -> pwd.struct_passwd:
        raise KeyError(name)

    monkeypatch.setattr(privileges.pwd, "getpwnam", unknown)

    with pytest.raises(NoUnprivilegedIdentity, match="allow user namespaces or install postgresql-common"):
        unprivileged_identity()


def test_a_lock_file_of_a_reused_process_number_is_removed(tmp_path: Path) -> None:
    lock = tmp_path / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{tmp_path}\n")

    remove_stale_lock(tmp_path)

    assert not lock.exists()


def test_a_lock_file_of_the_running_server_stays(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path) as server:
        (tmp_path / "postmaster.pid").write_text(f"{server.pid}\n{tmp_path}\n")
        remove_stale_lock(tmp_path)
        server.kill()

    assert (tmp_path / "postmaster.pid").exists()
