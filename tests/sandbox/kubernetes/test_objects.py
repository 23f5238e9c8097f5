"""The Kubernetes API through the official client: objects come, change and go by the cluster's rules."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException

from sandbox.testing import SandboxServer
from tests.support.waiting import wait_until

NAMESPACE = "event-spring-fair"


@pytest.fixture
def api(sandbox_server: SandboxServer) -> Iterator[client.ApiClient]:
    api_client = config.new_client_from_config_dict(sandbox_server.kube_config)
    yield api_client
    api_client.rest_client.pool_manager.clear()


@pytest.fixture
def core(api: client.ApiClient) -> client.CoreV1Api:
    return client.CoreV1Api(api)


@pytest.fixture
def namespace(core: client.CoreV1Api) -> str:
    core.create_namespace({"metadata": {"name": NAMESPACE, "labels": {"event": "spring-fair"}}})
    return NAMESPACE


def refused(call: Callable[..., Any], *arguments: Any, **more: Any) -> ApiException:
    with pytest.raises(ApiException) as refusal:
        call(*arguments, **more)
    return refusal.value


def is_gone(core: client.CoreV1Api, name: str) -> bool:
    try:
        core.read_namespace(name)
    except ApiException as error:
        return bool(error.status == 404)
    return False


def test_namespace_has_what_the_server_adds(core: client.CoreV1Api, namespace: str) -> None:
    found = core.read_namespace(namespace)
    assert found.status.phase == "Active"
    assert found.metadata.uid
    assert found.metadata.resource_version
    assert found.metadata.labels == {"event": "spring-fair", "kubernetes.io/metadata.name": namespace}
    assert [item.metadata.name for item in core.list_namespaced_config_map(namespace).items] == ["kube-root-ca.crt"]


def test_namespace_exists_once(core: client.CoreV1Api, namespace: str) -> None:
    error = refused(core.create_namespace, {"metadata": {"name": namespace}})
    assert (error.status, "AlreadyExists" in error.body) == (409, True)


def test_deletion_takes_content_and_time(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, {"metadata": {"name": "settings"}})
    core.delete_namespace(namespace)
    assert core.read_namespace(namespace).status.phase == "Terminating"
    into_it = refused(core.create_namespaced_config_map, namespace, {"metadata": {"name": "late"}})
    again = refused(core.create_namespace, {"metadata": {"name": namespace}})
    assert (into_it.status, "being terminated" in into_it.body) == (403, True)
    assert (again.status, "object is being deleted" in again.body) == (409, True)
    wait_until(lambda: is_gone(core, namespace))
    core.create_namespace({"metadata": {"name": namespace}})
    assert "settings" not in [item.metadata.name for item in core.list_namespaced_config_map(namespace).items]


def test_system_namespaces_stay(core: client.CoreV1Api) -> None:
    assert refused(core.delete_namespace, "kube-system").status == 403


def test_nothing_in_a_namespace_that_does_not_exist(core: client.CoreV1Api) -> None:
    error = refused(core.create_namespaced_secret, "nowhere", {"metadata": {"name": "x"}})
    assert (error.status, 'namespaces \\"nowhere\\" not found' in error.body) == (404, True)
    assert core.list_namespaced_secret("nowhere").items == []


def test_network_policy_and_deployment(api: client.ApiClient, core: client.CoreV1Api, namespace: str) -> None:
    policies, apps = client.NetworkingV1Api(api), client.AppsV1Api(api)
    policy = {
        "metadata": {"name": "default-deny"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 443}]}]},
    }
    assert policies.create_namespaced_network_policy(namespace, policy).metadata.generation == 1
    labels = {"app": "gate"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "gate", "image": "gate:1"}]}}
    deployment = {
        "metadata": {"name": "gate"},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
    }
    assert apps.create_namespaced_deployment(namespace, deployment).status.ready_replicas == 2
    apps.patch_namespaced_deployment("gate", namespace, {"spec": {"replicas": 3}})
    pods = core.list_namespaced_pod(namespace, label_selector="app=gate").items
    assert [pod.status.phase for pod in pods] == ["Running"] * 3
    apps.delete_namespaced_deployment("gate", namespace)
    assert core.list_namespaced_pod(namespace).items == []


def test_stale_change_is_refused(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, {"metadata": {"name": "settings"}, "data": {"a": "1"}})
    old = core.read_namespaced_config_map("settings", namespace)
    core.patch_namespaced_config_map("settings", namespace, {"data": {"b": "2"}})
    error = refused(core.replace_namespaced_config_map, "settings", namespace, old)
    assert (error.status, "object has been modified" in error.body) == (409, True)
    fresh = core.read_namespaced_config_map("settings", namespace)
    assert fresh.data == {"a": "1", "b": "2"}
    assert int(fresh.metadata.resource_version) > int(old.metadata.resource_version)


def test_json_patch(core: client.CoreV1Api, namespace: str) -> None:
    operations = [{"op": "add", "path": "/metadata/labels/event.example.com~1tier", "value": "small"}]
    labels = core.patch_namespace(namespace, operations).metadata.labels
    assert labels["event.example.com/tier"] == "small"


def test_secret_strings_are_encoded(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_secret(namespace, {"metadata": {"name": "s"}, "stringData": {"key": "value"}})
    found = core.read_namespaced_secret("s", namespace)
    assert (found.data, found.string_data, found.type) == ({"key": "dmFsdWU="}, None, "Opaque")


def test_selectors_and_pages(core: client.CoreV1Api, namespace: str) -> None:
    for name, tier in (("a", "small"), ("b", "large"), ("c", "large")):
        core.create_namespaced_config_map(namespace, {"metadata": {"name": name, "labels": {"tier": tier}}})

    def names(selector: str) -> list[str]:
        found = core.list_namespaced_config_map(namespace, label_selector=selector).items
        return [item.metadata.name for item in found]

    assert names("tier=large") == ["b", "c"]
    assert names("tier in (small, large),tier!=small") == ["b", "c"]
    assert names("!tier") == ["kube-root-ca.crt"]
    by_field = core.list_namespaced_config_map(namespace, field_selector="metadata.name=a").items
    assert [item.metadata.name for item in by_field] == ["a"]
    first = core.list_namespaced_config_map(namespace, limit=3)
    rest = core.list_namespaced_config_map(namespace, limit=3, _continue=first.metadata._continue)
    assert [item.metadata.name for item in rest.items] == ["kube-root-ca.crt"]
    assert refused(core.list_namespaced_config_map, namespace, label_selector="==").status == 400


def test_collection_is_deleted_by_label(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, {"metadata": {"name": "a", "labels": {"event": "x"}}})
    core.delete_collection_namespaced_config_map(namespace, label_selector="event=x")
    assert [item.metadata.name for item in core.list_namespaced_config_map(namespace).items] == ["kube-root-ca.crt"]


def test_delete_with_preconditions(core: client.CoreV1Api, namespace: str) -> None:
    options = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="another"))
    assert refused(core.delete_namespace, namespace, body=options).status == 409


def test_dry_run_changes_nothing(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, {"metadata": {"name": "a"}}, dry_run="All")
    core.delete_namespace(namespace, dry_run="All")
    assert refused(core.read_namespaced_config_map, "a", namespace).status == 404
    assert core.read_namespace(namespace).status.phase == "Active"


def test_watch_sees_a_namespace_go(core: client.CoreV1Api, namespace: str) -> None:
    version = core.read_namespace(namespace).metadata.resource_version
    core.delete_namespace(namespace)
    events = watch.Watch().stream(
        core.list_namespace,
        field_selector=f"metadata.name={namespace}",
        resource_version=version,
        timeout_seconds=10,
    )
    seen = []
    for event in events:
        seen.append(event["type"])
        if event["type"] == "DELETED":
            break
    assert seen == ["MODIFIED", "DELETED"]


def test_versions_and_groups(api: client.ApiClient) -> None:
    assert client.VersionApi(api).get_code().minor == "36"
    assert {group.name for group in client.ApisApi(api).get_api_versions().groups} == {"apps", "networking.k8s.io"}
    resources = client.CoreV1Api(api).get_api_resources().resources
    assert {"namespaces", "resourcequotas", "pods"} <= {resource.name for resource in resources}


def test_token_is_needed(sandbox_server: SandboxServer) -> None:
    settings = sandbox_server.kube_config
    settings["users"][0]["user"]["token"] = "wrong"
    stranger = client.CoreV1Api(config.new_client_from_config_dict(settings))
    assert refused(stranger.list_namespace).status == 401


def test_airflows_hook_reaches_the_cluster(sandbox_server: SandboxServer, airflow_connection: Any) -> None:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

    conn_id = airflow_connection(
        "kubernetes_default", conn_type="kubernetes", extra={"kube_config": sandbox_server.kube_config}
    )
    hook = KubernetesHook(conn_id=conn_id)
    hook.core_v1_client.create_namespace({"metadata": {"name": NAMESPACE}})
    assert hook.get_namespace() is None
    assert NAMESPACE in [item.metadata.name for item in hook.core_v1_client.list_namespace().items]
