"""Compose runs what the local stack runs: same services, settings, versions; and it keeps to its own rules."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stack.components import CODE, Component
from stack.config import Ports, StackConfig
from stack.environment import base_environment
from tests.architecture.source import ROOT
from tests.deploy.compose import RequiredVariable, load_compose

ONLY_IN_COMPOSE = {"state-init", "platform-init", "airflow-worker", "redis"}
JOBS = {"state-init", "platform-init"}
PYTHON_SERVICES = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "engine")

# Where a container is not where a local process is: addresses, and paths that the image knows.
DIFFERENT_IN_CONTAINERS = {
    "AIRFLOW_HOME",
    "AIRFLOW__API__HOST",
    "AIRFLOW__API__PORT",
    "AIRFLOW__CORE__DAGS_FOLDER",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    "AIRFLOW__CORE__LOAD_EXAMPLES",
    "AIRFLOW__CORE__PLUGINS_FOLDER",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "ENGINE_PORT",
    "PLATFORM_API_DSN",
    "PLATFORM_OPS_AIRFLOW_URL",
    "PLATFORM_OPS_ALERT_TOKEN_FILE",
    "PLATFORM_OPS_EVENT_ARCHIVE_DIR",
    "PLATFORM_OPS_LEDGER_ANCHOR_URL",
    "PLATFORM_OPS_PROMETHEUS_EVENTS_DIR",
    "SANDBOX_PUBLIC_URL",
    "SANDBOX_STATE_DIR",
}
SET_BY_THE_IMAGE = {
    "AIRFLOW_HOME",
    "AIRFLOW__CORE__DAGS_FOLDER",
    "AIRFLOW__CORE__LOAD_EXAMPLES",
    "AIRFLOW__CORE__PLUGINS_FOLDER",
}


def test_the_file_follows_the_compose_specification() -> None:
    """check-jsonschema carries the official schema."""
    command = ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yaml"]
    done = subprocess.run(_from_venv(command), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_docker_compose_accepts_the_file(secrets: Mapping[str, str]) -> None:
    if not _has_compose():
        pytest.skip("no docker client with the compose plugin")
    command = ["docker", "compose", "--profile", "celery", "config", "--quiet"]
    environment = {**secrets, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_runs_the_services_of_the_local_stack(compose: Mapping[str, Any], local: Mapping[str, Component]) -> None:
    assert set(compose["services"]) - ONLY_IN_COMPOSE == set(local)


def test_celery_is_a_profile_with_redis_and_two_workers(compose: Mapping[str, Any]) -> None:
    services = compose["services"]
    assert {name for name, service in services.items() if service.get("profiles") == ["celery"]} == {
        "redis",
        "airflow-worker",
    }
    assert services["airflow-worker"]["deploy"]["replicas"] == 2
    assert services["airflow-scheduler"]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"


def test_the_executor_is_switched_by_the_environment(secrets: dict[str, str]) -> None:
    compose = load_compose({**secrets, "AIRFLOW_EXECUTOR": "CeleryExecutor"})
    assert compose["services"]["airflow-scheduler"]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"


def test_every_required_secret_is_asked_for_by_name(secrets: dict[str, str]) -> None:
    with pytest.raises(RequiredVariable, match=r"PASSWORD|TOKEN|KEY|SECRET|SID"):
        load_compose({})
    load_compose(secrets)  # and the drawn ones are all that it asks for


def test_no_secret_is_written_down() -> None:
    """Values of variables that hold secrets come from the environment."""
    lines = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8").splitlines()
    named = [line for line in lines if re.match(r"\s+\w*(PASSWORD|TOKEN|SECRET|_KEY): \S", line)]
    assert named
    assert [line for line in named if "${" not in line] == []


@pytest.mark.parametrize("name", [*PYTHON_SERVICES, "sandbox"])
def test_settings_are_those_of_the_local_stack(
    name: str, compose: Mapping[str, Any], local: Mapping[str, Component], config: StackConfig
) -> None:
    expected = _own_environment(local[name], config)
    found = compose["services"][name]["environment"]
    assert expected.keys() - found.keys() - SET_BY_THE_IMAGE == set()
    plain = {key for key in expected if key not in DIFFERENT_IN_CONTAINERS and not key.startswith("AIRFLOW_CONN_")}
    assert {key: found[key] for key in plain} == {key: expected[key] for key in plain}


@pytest.mark.parametrize("name", PYTHON_SERVICES)
def test_connections_are_those_of_the_local_stack(
    name: str, compose: Mapping[str, Any], local: Mapping[str, Component], config: StackConfig
) -> None:
    """Everything but the addresses: types, logins, passwords, databases, extras."""
    expected = {key: value for key, value in _own_environment(local[name], config).items() if "_CONN_" in key}
    found = {key: value for key, value in compose["services"][name]["environment"].items() if "AIRFLOW_CONN_" in key}
    assert found.keys() == expected.keys()
    assert {key: _without_address(value) for key, value in found.items()} == {
        key: _without_address(value) for key, value in expected.items()
    }


@pytest.mark.parametrize("name", [*PYTHON_SERVICES, "sandbox"])
def test_commands_are_those_of_the_local_stack(
    name: str, compose: Mapping[str, Any], local: Mapping[str, Component]
) -> None:
    _python, _m, *expected = local[name].command
    command = [word for word in compose["services"][name]["command"] if word not in {"python", "-m"}]
    assert command == expected


@pytest.mark.parametrize(
    "name", ["prometheus", "alertmanager", "postgres-exporter-state", "postgres-exporter-platform"]
)
def test_servers_get_the_options_of_the_local_stack(
    name: str, compose: Mapping[str, Any], local: Mapping[str, Component]
) -> None:
    expected = {option.partition("=")[0] for option in local[name].command[1:]} - {"--web.listen-address"}
    assert {option.partition("=")[0] for option in compose["services"][name]["command"]} == expected


def test_published_ports_have_the_names_and_defaults_of_the_local_stack() -> None:
    text = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
    used = dict(re.findall(r"\$\{(\w+_PORT):-(\d+)\}", text))
    known = {name: str(port) for name, port in Ports().by_variable().items()}
    assert used
    assert used.items() <= known.items()


def test_every_published_port_is_bound_to_this_machine(compose: Mapping[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize(
    ("service", "package"),
    [
        ("prometheus", "prometheus"),
        ("alertmanager", "prometheus-alertmanager"),
        ("node-exporter", "prometheus-node-exporter"),
        ("postgres-exporter-state", "prometheus-postgres-exporter"),
    ],
)
def test_images_have_the_versions_of_the_debian_packages(
    service: str, package: str, compose: Mapping[str, Any]
) -> None:
    tag = compose["services"][service]["image"].rpartition(":")[2]
    assert tag == f"v{_upstream_version(package)}"


def test_postgresql_has_the_major_version_of_the_debian_package(compose: Mapping[str, Any]) -> None:
    packages = (ROOT / "packages.txt").read_text(encoding="utf-8").split()
    majors = {matched[1] for package in packages if (matched := re.fullmatch(r"postgresql-(\d+)", package))}
    for name in ("postgres-state", "postgres-platform"):
        assert {compose["services"][name]["image"].rpartition(":")[2].partition("-")[0]} == majors


def test_nothing_runs_as_root_or_can_change_its_own_files(compose: Mapping[str, Any]) -> None:
    unprivileged_images = ("prom/", "quay.io/prometheuscommunity/")  # their USER is nobody
    for name, service in compose["services"].items():
        assert service.get("user") or service["image"].startswith(unprivileged_images), name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name


def test_every_server_has_a_health_check_and_what_it_waits_for_does_too(compose: Mapping[str, Any]) -> None:
    services = compose["services"]
    assert {name for name, service in services.items() if "healthcheck" not in service} == JOBS
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            ends = needed in JOBS
            assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy"), name


def test_the_databases_cannot_be_reached_from_outside(compose: Mapping[str, Any]) -> None:
    assert compose["networks"]["state"] == compose["networks"]["platform"] == {"internal": True}
    assert compose["services"]["postgres-state"]["networks"] == ["state"]
    assert compose["services"]["postgres-platform"]["networks"] == ["platform"]
    for name in ("postgres-state", "postgres-platform"):
        assert "ports" not in compose["services"][name]


def test_only_what_runs_tasks_reaches_both_databases(compose: Mapping[str, Any]) -> None:
    both = {
        name
        for name, service in compose["services"].items()
        if {"state", "platform"} <= set(service.get("networks", ()))
    }
    assert both == {"airflow-scheduler", "airflow-triggerer", "airflow-worker"}


def test_mounted_files_of_the_project_exist(compose: Mapping[str, Any]) -> None:
    mounts = [mount for service in compose["services"].values() for mount in service.get("volumes", [])]
    sources = {mount.partition(":")[0] for mount in mounts if mount.startswith("./")}
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def _own_environment(component: Component, config: StackConfig) -> dict[str, str]:
    """Return what a component is told; an image is replaced as a whole and needs no mark of its code."""
    not_meant = base_environment(config).keys() | {CODE}
    return {key: value for key, value in component.environment.items() if key not in not_meant}


def _without_address(connection: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(connection)
    for key in ("host", "port"):
        values.pop(key, None)
    extra = values.get("extra", {})
    extra.pop("base_url", None)
    if "kube_config" in extra:
        kube_config = json.loads(extra["kube_config"])
        kube_config["clusters"][0]["cluster"].pop("server")
        extra["kube_config"] = kube_config
    return values


def _upstream_version(package: str) -> str:
    query = ["dpkg-query", "--show", "--showformat", "${Version}", package]
    if shutil.which("dpkg-query") is None:
        pytest.skip("not a Debian system")
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout:
        pytest.skip(f"{package} is not installed")
    return re.split(r"[+-]", done.stdout, maxsplit=1)[0]


def _from_venv(command: list[str]) -> list[str]:
    return [str(Path(sys.executable).parent / command[0]), *command[1:]]


def _has_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
