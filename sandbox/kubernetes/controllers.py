"""What a cluster's controllers would do: furnish new namespaces, and give deployments their pods."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes.metadata import new_metadata, resolved_name, timestamp
from sandbox.kubernetes.quota import check_quota, with_limit_range
from sandbox.kubernetes.resources import CONFIG_MAPS, DEPLOYMENTS, PODS, SERVICE_ACCOUNTS, ResourceType
from sandbox.kubernetes.specs import with_defaults
from sandbox.kubernetes.status import ApiError
from sandbox.kubernetes.store import Document, ObjectStore

_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nsandbox\n-----END CERTIFICATE-----\n"


def furnish_namespace(store: ObjectStore, namespace: str) -> None:
    """Create what every namespace holds from the start: the default service account and the root certificate."""
    contents: tuple[tuple[ResourceType, str, dict[str, Any]], ...] = (
        (SERVICE_ACCOUNTS, "default", {}),
        (CONFIG_MAPS, "kube-root-ca.crt", {"data": {"ca.crt": _CERTIFICATE}}),
    )
    for resource, name, content in contents:
        metadata = new_metadata(resource, {"name": name}, namespace=namespace)
        document = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **content}
        store.save(resource, document)


def run_pod(pod: Document) -> Document:
    """Return a pod as it is once it runs. There are no nodes: it is said to run, nothing does."""
    statuses = [
        {"name": container["name"], "image": container["image"], "ready": True, "restartCount": 0, "imageID": ""}
        for container in pod["spec"]["containers"]
    ]
    conditions = [{"type": kind, "status": "True"} for kind in ("Initialized", "Ready", "PodScheduled")]
    status = {"phase": "Running", "startTime": timestamp(), "conditions": conditions, "containerStatuses": statuses}
    return {**pod, "status": status}


def reconcile_deployment(store: ObjectStore, deployment: Document) -> Document:
    """Make as many pods as the deployment wants and its namespace's quota lets through, and write its status."""
    wanted = int(deployment["spec"].get("replicas", 1))
    pods = owned_pods(store, deployment)
    for pod in pods[wanted:]:
        store.remove(PODS, pod)
    refusal = ""
    while len(pods) < wanted and not refusal:
        pod = _pod_of(store, deployment)
        try:
            check_quota(store, PODS, pod)
        except ApiError as error:
            refusal = error.message
        else:
            pods.append(store.save(PODS, run_pod(pod)))
    ready = min(len(pods), wanted)
    conditions = [{"type": "Available", "status": str(ready >= wanted)}]
    if refusal:
        conditions.append({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": refusal})
    counts = {key: ready for key in ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas") if ready}
    observed = deployment["metadata"].get("generation", 1)
    status = {"observedGeneration": observed, **counts, "conditions": conditions}
    return store.save(DEPLOYMENTS, {**deployment, "status": status})


def owned_pods(store: ObjectStore, deployment: Document) -> list[Document]:
    """Return the pods that were made for a deployment."""
    uid = deployment["metadata"]["uid"]
    return [
        pod
        for pod in store.listed(PODS, deployment["metadata"]["namespace"])
        if any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences") or [])
    ]


def _pod_of(store: ObjectStore, deployment: Document) -> Document:
    template, owner = deployment["spec"]["template"], deployment["metadata"]
    metadata = {
        **(template.get("metadata") or {}),
        "name": resolved_name({"generateName": f"{owner['name']}-"}),
        "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": owner["name"], "uid": owner["uid"]}
        ],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": new_metadata(PODS, metadata, namespace=owner["namespace"]),
        "spec": template.get("spec") or {},
    }
    return with_limit_range(store, with_defaults(PODS, pod))
