"""Debian packages: what is missing is installed or named, and no service is started by it."""

from pathlib import Path

import pytest

from stack import packages
from stack.errors import PackagesMissing

FAKE_APT = """#!/bin/sh
cat "{policy}" "{drop_in}" > "{seen}" 2>&1
echo "$@" >> "{calls}"
exit {status}
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any package, on which we are root; apt only writes down what it is asked."""
    monkeypatch.setattr(packages, "_POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(packages, "_CLUSTER_DROP_IN", tmp_path / "createcluster.d" / "ours.conf")
    monkeypatch.setattr(packages.os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    _program(tmp_path / "dpkg-query", "#!/bin/sh\nexit 1\n")
    _apt(tmp_path, status=0)
    return tmp_path


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _apt(directory: Path, *, status: int) -> None:
    names = {name: directory / name for name in ("seen", "calls")}
    policy, drop_in = directory / "policy-rc.d", directory / "createcluster.d" / "ours.conf"
    _program(directory / "apt-get", FAKE_APT.format(policy=policy, drop_in=drop_in, status=status, **names))


def test_sections_are_read_in_order(tmp_path: Path) -> None:
    path = tmp_path / "packages.txt"
    path.write_text("# words\n# [image] for tasks\na\n\n# [stack]\nb\nc\n# [tests]\nd\n")

    assert packages.listed_packages(["image", "stack"], path=path) == ["a", "b", "c"]


def test_missing_packages_are_installed_while_services_are_held_back(machine: Path) -> None:
    installed = packages.ensure_packages(["stack"])

    assert "prometheus-alertmanager" in installed
    assert "install" in (machine / "calls").read_text()
    seen = (machine / "seen").read_text()
    assert "exit 101" in seen
    assert "create_main_cluster = false" in seen


def test_what_holds_services_back_is_gone_afterwards_also_when_apt_fails(machine: Path) -> None:
    _apt(machine, status=100)

    with pytest.raises(PackagesMissing, match=r"apt-get could not install: .*postgresql-15"):
        packages.ensure_packages(["stack"])

    assert not (machine / "policy-rc.d").exists()
    assert not (machine / "createcluster.d" / "ours.conf").exists()
    assert "update" in (machine / "calls").read_text()


def test_a_policy_that_was_there_stays(machine: Path) -> None:
    (machine / "policy-rc.d").write_text("theirs")

    packages.ensure_packages(["stack"])

    assert (machine / "policy-rc.d").read_text() == "theirs"


def test_without_rights_one_line_names_all(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.os, "geteuid", lambda: 1000)
    _program(machine / "sudo", "#!/bin/sh\nexit 1\n")

    with pytest.raises(PackagesMissing) as caught:
        packages.ensure_packages(["image", "stack"])

    message = str(caught.value)
    assert "\n" not in message
    assert "sudo apt-get install" in message
    assert all(name in message for name in packages.listed_packages(["image", "stack"]))
    assert not (machine / "calls").exists()


def test_nothing_is_done_when_nothing_is_missing(machine: Path) -> None:
    _program(machine / "dpkg-query", '#!/bin/sh\nshift 3\nfor name; do echo "$name installed"; done\n')

    assert packages.ensure_packages(["image", "stack", "tests"]) == []
    assert not (machine / "calls").exists()
