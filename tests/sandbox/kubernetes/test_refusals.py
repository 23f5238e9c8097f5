"""What the Kubernetes API refuses: objects of a wrong shape, and pods that a quota has no room for."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.testing import SandboxServer

NAMESPACE = "event-refusals"
CORE = f"/k8s/api/v1/namespaces/{NAMESPACE}"
POLICIES = f"/k8s/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"


@pytest.fixture
def cluster(sandbox_server: SandboxServer) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {sandbox_server.credentials.kubernetes_token}"}
    with httpx.Client(base_url=sandbox_server.url, headers=headers) as session:
        session.post("/k8s/api/v1/namespaces", json={"metadata": {"name": NAMESPACE}}).raise_for_status()
        yield session


def pod(name: str = "gate", **resources: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "gate:1", "resources": resources}
    return {"metadata": {"name": name}, "spec": {"containers": [container]}}


@pytest.mark.parametrize(
    ("path", "document", "status", "word"),
    [
        (f"{CORE}/configmaps", {"metadata": {"name": "a"}, "dta": {}}, 400, 'unknown field \\"dta\\"'),
        (f"{CORE}/resourcequotas", {"metadata": {"name": "a"}, "spec": {"limits": {}}}, 400, "spec.limits"),
        (f"{CORE}/configmaps", {"metadata": {"name": "a"}, "data": {"x": 1}}, 400, "cannot unmarshal"),
        (f"{CORE}/configmaps", {"kind": "Secret", "metadata": {"name": "a"}}, 400, "does not match the expected kind"),
        (f"{CORE}/configmaps", {"apiVersion": "v2", "metadata": {"name": "a"}}, 400, "expected apiVersion"),
        (f"{CORE}/configmaps", {"metadata": {"name": "a", "namespace": "b"}}, 400, "does not match the namespace"),
        (f"{CORE}/configmaps", {"metadata": {"name": "a", "resourceVersion": "1"}}, 400, "resourceVersion"),
        (f"{CORE}/configmaps", {"metadata": {}}, 422, "name or generateName is required"),
        (f"{CORE}/configmaps", {"metadata": {"name": "Upper"}}, 422, "RFC 1123"),
        (f"{CORE}/configmaps", {"metadata": {"name": "a", "labels": {"x": "a b"}}}, 422, "metadata.labels"),
        (f"{CORE}/configmaps", {"metadata": {"name": "a"}, "data": {"a/b": "1"}}, 422, "data[a/b]"),
        (f"{CORE}/secrets", {"metadata": {"name": "a"}, "data": {"a": "%"}}, 422, "base64"),
        (f"{CORE}/resourcequotas", {"metadata": {"name": "a"}, "spec": {"hard": {"bandwidth": "1"}}}, 422, "bandwidth"),
        (f"{CORE}/resourcequotas", {"metadata": {"name": "a"}, "spec": {"hard": {"cpu": "1 core"}}}, 422, "quantities"),
        (f"{CORE}/resourcequotas", {"metadata": {"name": "a"}, "spec": {"hard": {"pods": "-1"}}}, 422, "greater than"),
        (f"{CORE}/pods", {"metadata": {"name": "a"}, "spec": {"containers": []}}, 422, "spec.containers"),
        (f"{CORE}/pods", {"metadata": {"name": "a"}, "spec": {}}, 422, "spec.containers"),
        (f"{CORE}/pods", pod(limits={"cpu": "1"}, requests={"cpu": "2"}), 422, "less than or equal to cpu limit"),
        (f"{CORE}/services", {"metadata": {"name": "1a"}, "spec": {"ports": [{"port": 80}]}}, 422, "DNS-1035"),
        (f"{CORE}/services", {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 0}]}}, 422, "65535"),
        (POLICIES, {"metadata": {"name": "a"}, "spec": {"policyTypes": ["Both"]}}, 422, "policyTypes[0]"),
        (POLICIES, {"metadata": {"name": "a"}, "spec": {"ingress": [{"ports": [{"port": 70000}]}]}}, 422, "65535"),
        (
            POLICIES,
            {"metadata": {"name": "a"}, "spec": {"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/99"}}]}]}},
            422,
            "valid CIDR",
        ),
        ("/k8s/api/v1/namespaces", {"metadata": {"name": "event_x"}}, 422, "RFC 1123 label"),
        ("/k8s/api/v1/namespaces", {"metadata": {"name": "x" * 64}}, 422, "no more than 63"),
    ],
)
def test_wrong_objects(cluster: httpx.Client, path: str, document: Any, status: int, word: str) -> None:
    answer = cluster.post(path, json=document)
    assert (answer.status_code, answer.json()["kind"]) == (status, "Status")
    assert word in answer.text


def test_every_fault_is_a_cause(cluster: httpx.Client) -> None:
    document = {"metadata": {"name": "a"}, "spec": {"hard": {"bandwidth": "1", "pods": "many"}}}
    causes = cluster.post(f"{CORE}/resourcequotas", json=document).json()["details"]["causes"]
    assert [cause["field"] for cause in causes] == ["spec.hard[bandwidth]", "spec.hard[pods]"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/k8s/api/v1/nodes", 404),
        ("GET", "/k8s/api/v2/namespaces", 404),
        ("GET", f"{CORE}/pods/nobody", 404),
        ("GET", "/k8s/api/v1/configmaps/x", 404),
        ("POST", f"{CORE}/pods/nobody", 405),
        ("DELETE", "/k8s/api/v1/namespaces", 405),
    ],
)
def test_addresses_that_serve_nothing(cluster: httpx.Client, method: str, path: str, status: int) -> None:
    answer = cluster.request(method, path)
    assert (answer.status_code, answer.json()["kind"]) == (status, "Status")


def test_unreadable_bodies(cluster: httpx.Client) -> None:
    assert cluster.post(f"{CORE}/configmaps", content="{").status_code == 400
    assert cluster.post(f"{CORE}/configmaps", json=[]).status_code == 400
    text = {"content-type": "text/plain"}
    assert cluster.post(f"{CORE}/configmaps", content="{}", headers=text).status_code == 415
    assert cluster.patch(f"/k8s/api/v1/namespaces/{NAMESPACE}", json={}).status_code == 415


class TestQuota:
    """A namespace with room for two pods of half a core."""

    @pytest.fixture(autouse=True)
    def quota(self, cluster: httpx.Client) -> None:
        hard = {"pods": "3", "requests.cpu": "1", "limits.memory": "1Gi", "configmaps": "2"}
        document = {"metadata": {"name": "event"}, "spec": {"hard": hard}}
        cluster.post(f"{CORE}/resourcequotas", json=document).raise_for_status()

    def create(self, cluster: httpx.Client, document: dict[str, Any], plural: str = "pods") -> httpx.Response:
        return cluster.post(f"{CORE}/{plural}", json=document)

    def test_usage_is_shown(self, cluster: httpx.Client) -> None:
        self.create(cluster, pod(requests={"cpu": "500m"}, limits={"memory": "256Mi"})).raise_for_status()
        used = cluster.get(f"{CORE}/resourcequotas/event").json()["status"]["used"]
        assert used == {"pods": "1", "requests.cpu": "500m", "limits.memory": "256Mi", "configmaps": "1"}

    def test_too_much_is_refused(self, cluster: httpx.Client) -> None:
        half = {"requests": {"cpu": "500m"}, "limits": {"memory": "256Mi"}}
        assert [self.create(cluster, pod(str(number), **half)).status_code for number in (1, 2)] == [201, 201]
        refused = self.create(cluster, pod("3", **half))
        message = "exceeded quota: event, requested: requests.cpu=500m, used: requests.cpu=1, limited: requests.cpu=1"
        assert (refused.status_code, message in refused.json()["message"]) == (403, True)
        cluster.delete(f"{CORE}/pods/1").raise_for_status()
        assert self.create(cluster, pod("3", **half)).status_code == 201

    def test_pods_say_what_is_counted(self, cluster: httpx.Client) -> None:
        refused = self.create(cluster, pod(requests={"cpu": "1"}))
        message = "failed quota: event: must specify limits.memory for: main"
        assert (refused.status_code, message in refused.json()["message"]) == (403, True)

    def test_limits_are_also_requests(self, cluster: httpx.Client) -> None:
        created = self.create(cluster, pod(limits={"cpu": "1", "memory": "1Gi"})).json()
        requests = created["spec"]["containers"][0]["resources"]["requests"]
        assert requests == {"cpu": "1", "memory": "1Gi"}

    def test_limit_range_gives_defaults(self, cluster: httpx.Client) -> None:
        limit = {"type": "Container", "default": {"memory": "128Mi"}, "defaultRequest": {"cpu": "100m"}}
        document = {"metadata": {"name": "defaults"}, "spec": {"limits": [limit]}}
        self.create(cluster, document, "limitranges").raise_for_status()
        resources = self.create(cluster, pod()).json()["spec"]["containers"][0]["resources"]
        assert resources == {"limits": {"memory": "128Mi"}, "requests": {"cpu": "100m"}}

    def test_objects_are_counted(self, cluster: httpx.Client) -> None:
        assert self.create(cluster, {"metadata": {"name": "a"}}, "configmaps").status_code == 201
        assert self.create(cluster, {"metadata": {"name": "b"}}, "configmaps").status_code == 403

    def test_deployment_reports_pods_that_did_not_fit(self, cluster: httpx.Client) -> None:
        labels = {"app": "gate"}
        spec = pod(requests={"cpu": "400m"}, limits={"memory": "256Mi"})["spec"]
        template = {"metadata": {"labels": labels}, "spec": spec}
        document = {
            "metadata": {"name": "gate"},
            "spec": {"replicas": 3, "selector": {"matchLabels": labels}, "template": template},
        }
        path = f"/k8s/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
        status = cluster.post(path, json=document).json()["status"]
        assert status["readyReplicas"] == 2
        assert "exceeded quota" in status["conditions"][1]["message"]


def test_nulls_are_fields_that_were_not_given(cluster: httpx.Client) -> None:
    labels = {"app": "gate"}
    template = {"metadata": {"labels": labels, "annotations": None}, "spec": pod()["spec"]}
    spec = {"replicas": None, "selector": {"matchLabels": labels}, "template": template}
    path = f"/k8s/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
    created = cluster.post(path, json={"metadata": {"name": "gate"}, "spec": spec})
    assert (created.status_code, created.json()["spec"]["replicas"]) == (201, 1)


def test_init_containers_are_checked(cluster: httpx.Client) -> None:
    document = pod()
    document["spec"]["initContainers"] = [{"name": "init", "image": "x", "resources": {"limits": {"cpu": "lots"}}}]
    refused = cluster.post(f"{CORE}/pods", json=document)
    assert (refused.status_code, "spec.initContainers[0].resources.limits[cpu]" in refused.text) == (422, True)
