"""One home per version: requirements.lock for Python, packages.txt for Debian. Everything else agrees with them."""

import re
import subprocess
import tomllib

import pytest
import yaml

from stack import bootstrap
from stack.packages import listed_packages
from tests.architecture.source import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
VALUES = yaml.safe_load((ROOT / "deploy" / "helm-values.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def locked() -> dict[str, str]:
    """Exact versions of requirements.lock by package."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, flags=re.MULTILINE))


def test_every_direct_requirement_is_locked(locked: dict[str, str]) -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        wanted = {re.split(r"[\[<>=~ ]", line)[0] for line in lines if re.match(r"[a-z]", line)}
        assert wanted - locked.keys() == set(), f"{name}: run `make lock`"


def test_airflow_has_the_version_of_requirements_txt(locked: dict[str, str]) -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert f"apache-airflow=={locked['apache-airflow']}\n" in text


def test_the_chart_is_told_the_locked_airflow(locked: dict[str, str]) -> None:
    assert VALUES["airflowVersion"] == locked["apache-airflow"]


def test_image_tags_are_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    engine = (ROOT / "deploy" / "engine.yaml").read_text(encoding="utf-8")
    assert VALUES["defaultAirflowTag"] == project["version"]
    assert VALUES["config"]["kubernetes_executor"]["worker_container_tag"] == project["version"]
    assert f"image: {VALUES['defaultAirflowRepository']}:{project['version']}\n" in engine


def test_the_image_installs_with_the_pinned_uv() -> None:
    assert re.findall(r"uv==[\d.]+", DOCKERFILE) == [bootstrap.UV]


def test_the_image_has_the_python_that_the_lock_was_made_for() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    made_for = re.search(r"--python-version ([\d.]+)", lock)
    image = re.search(r"PYTHON_IMAGE=python:([\d.]+)-", DOCKERFILE)
    assert made_for
    assert image
    assert image[1] == made_for[1]


def test_the_image_installs_the_section_image_of_packages_txt() -> None:
    """Run the Dockerfile's own awk program."""
    program = re.search(r"awk '([^']+)'", DOCKERFILE)
    assert program
    command = ["awk", program[1], str(ROOT / "packages.txt")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.split() == listed_packages(["image"])


def test_the_image_gets_every_folder_that_its_processes_import() -> None:
    copied = set(re.findall(r"^COPY (\w+) \1$", DOCKERFILE, flags=re.MULTILINE))
    assert copied == {"config", "dags", "deploy", "include", "plugins", "sandbox", "stack"}
    sent = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {f"!{folder}" for folder in copied} <= set(sent)
