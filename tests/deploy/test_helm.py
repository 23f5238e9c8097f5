"""The chart's values and our own manifests. The chart itself cannot be rendered here: its vocabulary is compared."""

import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

from stack.secrets import USERS, user_password_variable
from tests.architecture.source import ROOT
from tools.dag_bag import isolate_airflow

DEPLOY = ROOT / "deploy"
VALUES: dict[str, Any] = yaml.safe_load((DEPLOY / "helm-values.yaml").read_text(encoding="utf-8"))
MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((DEPLOY / "engine.yaml").read_text(encoding="utf-8")))
KUBERNETES_VERSIONS = ("1.31", "1.33")

# Names from values.yaml of chart 1.19 (the first for Airflow 3.1 and later); a misspelt one would be ignored silently
# or refused only at installation.
COMPONENT = {"enabled", "replicas", "resources", "env", "logGroomerSidecar", "podDisruptionBudget", "persistence"}
CHART: dict[str, set[str] | None] = {
    "airflowLocalSettings": None,
    "airflowVersion": None,
    "apiSecretKeySecretName": None,
    "apiServer": {"replicas", "env", "resources", "podDisruptionBudget"},
    "config": None,
    "createUserJob": {"enabled", "args", "env"},
    "dagProcessor": COMPONENT - {"podDisruptionBudget", "persistence"},
    "dags": {"persistence", "gitSync"},
    "data": {"metadataSecretName", "resultBackendSecretName", "brokerUrlSecretName"},
    "defaultAirflowRepository": None,
    "defaultAirflowTag": None,
    "env": None,
    "executor": None,
    "extraEnvFrom": None,
    "fernetKeySecretName": None,
    "flower": {"enabled"},
    "fullnameOverride": None,
    "gid": None,
    "ingress": {"apiServer"},
    "jwtSecretName": None,
    "logs": {"persistence"},
    "migrateDatabaseJob": {"enabled"},
    "networkPolicies": {"enabled"},
    "postgresql": {"enabled"},
    "redis": {"enabled"},
    "scheduler": COMPONENT - {"persistence"},
    "securityContexts": {"pod", "containers"},
    "statsd": {"enabled"},
    "triggerer": COMPONENT - {"podDisruptionBudget"},
    "uid": None,
    "useStandardNaming": None,
    "volumeMounts": None,
    "volumes": None,
    "workers": {"env", "resources"},
}


def test_every_value_is_one_that_the_chart_knows() -> None:
    assert VALUES.keys() - CHART.keys() == set()
    unknown = {
        section: VALUES[section].keys() - known
        for section, known in CHART.items()
        if known is not None and VALUES.get(section, {}).keys() - known
    }
    assert not unknown


def test_airflow_sections_of_the_configuration_exist() -> None:
    """A misspelt option of airflow.cfg would be kept and never read."""
    isolate_airflow()
    from airflow.configuration import conf

    known = conf.configuration_description
    wrong = [
        f"[{section}] {option}"
        for section, options in VALUES["config"].items()
        for option in options
        if option not in known.get(section, {}).get("options", {})
    ]
    assert not wrong


def test_the_chart_runs_airflow_on_kubernetes_with_our_auth_manager() -> None:
    assert VALUES["executor"] == "KubernetesExecutor"
    assert VALUES["config"]["core"]["auth_manager"] == "platform_ops.auth.PlatformOpsAuthManager"
    environment = {item["name"]: item["value"] for item in VALUES["env"]}
    assert environment["PYTHONPATH"] == "/opt/platform-ops:/opt/platform-ops/plugins"


def test_the_user_job_gets_every_password_that_it_reads() -> None:
    given = {item["name"] for item in VALUES["createUserJob"]["env"]}
    assert given == {user_password_variable(name) for name in USERS}


def test_no_value_is_a_secret() -> None:
    """Secrets are named (`…SecretName`, `secretKeyRef`), never written."""
    text = (DEPLOY / "helm-values.yaml").read_text(encoding="utf-8")
    for key in ("fernetKey:", "jwtSecret:", "apiSecretKey:", "pass:", "password:"):
        assert key not in text


DATABASES = ("AIRFLOW_CONN_OPS_DB", "AIRFLOW_CONN_PLATFORM_DB")


def _engine() -> dict[str, Any]:
    (deployment,) = (manifest for manifest in MANIFESTS if manifest["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(container)


def _secret_behind(environment: list[dict[str, Any]], name: str) -> str | None:
    given = [item["valueFrom"]["secretKeyRef"] for item in environment if item["name"] == name]
    assert [reference["key"] for reference in given] == [name] * len(given)
    return given[0]["name"] if given else None


def test_every_pod_logs_in_to_the_databases_with_its_own_role() -> None:
    """Role `ops_provisioner` creates and drops schemas on the platform: only what runs tasks may have it."""
    pods = {section: values["env"] for section, values in VALUES.items() if section in CHART and _has_env(values)}
    pods["engine"] = _engine()["env"]
    found = {pod: tuple(_secret_behind(environment, name) for name in DATABASES) for pod, environment in pods.items()}
    assert {pod: secrets for pod, secrets in found.items() if any(secrets)} == {
        "workers": ("platform-ops-tasks", "platform-ops-tasks"),
        "triggerer": ("platform-ops-tasks", "platform-ops-tasks"),
        "apiServer": ("platform-ops-console", None),
        "engine": ("platform-ops-engine", None),
    }


def _has_env(values: object) -> bool:
    return isinstance(values, dict) and "env" in values


def test_what_all_pods_get_alike_holds_no_database() -> None:
    """What `platform-ops-connections` is to hold is said at the top of the values, for whoever makes the secret."""
    assert yaml.safe_load(VALUES["extraEnvFrom"]) == [{"secretRef": {"name": "platform-ops-connections"}}]
    assert "envFrom" not in _engine()
    text = (DEPLOY / "helm-values.yaml").read_text(encoding="utf-8")
    (said,) = (line for line in text.splitlines() if line.startswith("#   platform-ops-connections "))
    assert "of no database" in said


def test_every_secret_that_is_named_is_explained() -> None:
    values = (DEPLOY / "helm-values.yaml").read_text(encoding="utf-8")
    explained = set(re.findall(r"^#   (platform-ops-[a-z-]+) ", values, flags=re.MULTILINE))
    references = [reference for manifest in (VALUES, *MANIFESTS) for reference in _secret_names(manifest)]
    named = {*references, *(item["secretRef"]["name"] for item in yaml.safe_load(VALUES["extraEnvFrom"]))}
    assert named == explained


def _secret_names(node: object) -> Iterator[str]:
    """Yield every secret of ours that a value refers to; the certificate of the ingress is the cluster's."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "secretKeyRef":
                yield value["name"]
            elif key.lower().endswith("secretname") and value.startswith("platform-ops-"):
                yield value
            else:
                yield from _secret_names(value)
    elif isinstance(node, list):
        for value in node:
            yield from _secret_names(value)


def test_console_and_engine_reach_airflow_at_the_same_address() -> None:
    """The console posts to it when somebody takes an event down; its default is the local stack's."""
    console = {item["name"]: item["value"] for item in VALUES["env"]}
    engine = {item["name"]: item.get("value") for item in _engine()["env"]}
    address = f"http://{VALUES['fullnameOverride']}-api-server:8080"
    assert console["PLATFORM_OPS_AIRFLOW_URL"] == engine["PLATFORM_OPS_AIRFLOW_URL"] == address


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest["kind"])
def test_our_manifests_are_valid(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_volumes_of_the_chart_are_claimed_by_us() -> None:
    claims = {manifest["metadata"]["name"] for manifest in MANIFESTS if manifest["kind"] == "PersistentVolumeClaim"}
    assert {volume["persistentVolumeClaim"]["claimName"] for volume in VALUES["volumes"]} == claims


def test_selectors_find_the_engine() -> None:
    by_kind = {manifest["kind"]: manifest for manifest in MANIFESTS}
    labels = by_kind["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert by_kind["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert by_kind["Service"]["spec"]["selector"] == labels
    assert by_kind["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert by_kind["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels


def test_the_engine_is_the_one_of_compose() -> None:
    """The same command and settings, whoever starts it."""
    container = _engine()
    compose = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))["services"]["engine"]
    assert container["args"] == compose["command"]
    given = {item["name"] for item in container["env"]}
    own = {name for name in compose["environment"] if "CONN" not in name or name == "AIRFLOW_CONN_OPS_DB"}
    only_tasks_and_settings = {
        "PLATFORM_OPS_EVENT_ARCHIVE_DIR",
        "PLATFORM_OPS_LEDGER_ANCHOR_URL",
        "PLATFORM_OPS_PROMETHEUS_EVENTS_DIR",
        "PLATFORM_OPS_PROMTOOL",
    }
    assert own - given <= only_tasks_and_settings
