"""`airflow_settings.yaml` names the connections of the local stack, and no secret."""

import json
from collections.abc import Mapping
from string import Template
from typing import Any

import yaml

from stack.components import Component
from stack.config import Ports
from tests.architecture.source import ROOT

TEXT = (ROOT / "airflow_settings.yaml").read_text(encoding="utf-8")


def test_connections_are_those_of_the_local_stack(secrets: Mapping[str, str], local: Mapping[str, Component]) -> None:
    """With secrets filled in, each is what a task of the local stack finds (at the default ports)."""
    environment = local["airflow-scheduler"].environment
    expected = {
        name.removeprefix("AIRFLOW_CONN_").lower(): _plain(json.loads(value))
        for name, value in environment.items()
        if name.startswith("AIRFLOW_CONN_")
    }
    document = yaml.safe_load(Template(TEXT).substitute(secrets))
    found = {item["conn_id"]: _plain(_as_airflow(item)) for item in document["airflow"]["connections"]}
    assert found == expected


def test_ports_are_the_defaults() -> None:
    known = {str(port) for port in Ports().by_variable().values()}
    found = {str(item["conn_port"]) for item in yaml.safe_load(TEXT)["airflow"]["connections"] if "conn_port" in item}
    assert found <= known


def test_no_secret_is_written_down() -> None:
    named = [item.get("conn_password", "") for item in yaml.safe_load(TEXT)["airflow"]["connections"]]
    webhook_path = "T000/B000/local"  # the sandbox's; a real one is a secret
    assert [value for value in named if value and not value.startswith("${") and value != webhook_path] == []


def _as_airflow(item: Mapping[str, Any]) -> dict[str, Any]:
    return {("conn_type" if key == "conn_type" else key.removeprefix("conn_")): value for key, value in item.items()}


def _plain(connection: dict[str, Any]) -> dict[str, Any]:
    """Drop what is empty and the id; read a nested configuration that is given as text."""
    values = {key: value for key, value in connection.items() if key != "id" and value}
    kube_config = values.get("extra", {}).get("kube_config")
    if isinstance(kube_config, str):
        values["extra"]["kube_config"] = json.loads(kube_config)
    return values
