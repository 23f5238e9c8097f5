"""The event's Kubernetes namespace: quota by its size, network closed to other events."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from include.clients.errors import Conflict, NotFound, ServerFault
from include.clients.kubernetes import REQUEST_TIMEOUT, SERVICE, kubernetes_errors
from include.events.errors import NotOwned
from include.events.names import MANAGED_BY, MANAGED_BY_LABEL, REQUEST_ANNOTATION, SLUG_LABEL, EventKey
from include.events.plan import EventPlan, Resources
from include.events.waiting import wait_for

log = logging.getLogger(__name__)

QUOTA_NAME = "event-quota"
POLICY_NAME = "event-isolation"
# Kubernetes empties a namespace before it lets it go; of ours there is little in it.
GONE_WITHIN_SECONDS = 60.0
_TIMEOUT = {"_request_timeout": REQUEST_TIMEOUT}


def apply(plan: EventPlan, core: Any, networking: Any, *, check: Callable[[], None]) -> None:
    """Make or complete namespace, quota and network policy. `core` is a CoreV1Api, `networking` a NetworkingV1Api.

    Raises NotOwned when the namespace belongs to another request, ClientError when the API server fails.
    """
    check()
    _create_namespace(plan, core)
    quota, policy = quota_of(plan), policy_of(plan)
    check()
    _create_or_replace(
        lambda: core.create_namespaced_resource_quota(plan.namespace, quota, **_TIMEOUT),
        lambda: core.replace_namespaced_resource_quota(QUOTA_NAME, plan.namespace, quota, **_TIMEOUT),
    )
    check()
    _create_or_replace(
        lambda: networking.create_namespaced_network_policy(plan.namespace, policy, **_TIMEOUT),
        lambda: networking.replace_namespaced_network_policy(POLICY_NAME, plan.namespace, policy, **_TIMEOUT),
    )


def verify(plan: EventPlan, core: Any, networking: Any) -> list[str]:
    """Return what of the namespace is not as planned."""
    key = EventKey.of(plan)
    namespace = _read(core, plan.namespace)
    if namespace is None:
        return [f"namespace {plan.namespace} is missing"]
    findings = []
    if _owner(namespace) != key.request_id:
        findings.append(f"namespace {plan.namespace} belongs to {_owner(namespace)!r}")
    if namespace.status.phase != "Active":
        findings.append(f"namespace {plan.namespace} is {namespace.status.phase}, not Active")
    try:
        with kubernetes_errors():
            quota = core.read_namespaced_resource_quota(QUOTA_NAME, plan.namespace, **_TIMEOUT)
            policy = networking.read_namespaced_network_policy(POLICY_NAME, plan.namespace, **_TIMEOUT)
    except NotFound as error:
        return [*findings, f"namespace {plan.namespace} is incomplete: {error}"]
    found = {name: str(amount) for name, amount in quota.spec.hard.items()}
    if found != quota_limits(plan.resources):
        findings.append(f"quota of {plan.namespace} is {found}, planned is {quota_limits(plan.resources)}")
    if sorted(policy.spec.policy_types or []) != ["Egress", "Ingress"]:
        findings.append(f"network policy of {plan.namespace} covers {policy.spec.policy_types}")
    return findings


def undo(key: EventKey, core: Any) -> None:
    """Delete the namespace with everything in it and wait until it is gone."""
    namespace = _read(core, key.namespace)
    if namespace is None:
        return
    if _owner(namespace) != key.request_id:
        raise NotOwned(f"namespace {key.namespace} belongs to {_owner(namespace)!r}, not to {key.request_id!r}: kept")
    try:
        with kubernetes_errors():
            # The uid: should somebody make a new one of this name in between, it is not ours.
            body = {"preconditions": {"uid": namespace.metadata.uid}}
            core.delete_namespace(key.namespace, body=body, **_TIMEOUT)
    except (NotFound, Conflict):
        log.info("Namespace %s is going already", key.namespace)
    if not wait_for(lambda: _read(core, key.namespace) is None, seconds=GONE_WITHIN_SECONDS):
        raise ServerFault(SERVICE, f"namespace {key.namespace} is still there after {GONE_WITHIN_SECONDS:g} s")


def leftovers(key: EventKey, core: Any) -> list[str]:
    """Return the namespaces that carry the event's name or label and this request's mark."""
    with kubernetes_errors():
        labelled = core.list_namespace(label_selector=f"{SLUG_LABEL}={key.slug}", **_TIMEOUT).items
    named = _read(core, key.namespace)
    found = [*labelled, *([named] if named is not None else [])]
    return sorted({f"namespace {item.metadata.name}" for item in found if _owner(item) == key.request_id})


def quota_limits(resources: Resources) -> dict[str, str]:
    """Return a ResourceQuota's `hard` limits."""
    cpu, memory = f"{resources.cpu_millicores}m", f"{resources.memory_mebibytes}Mi"
    return {
        "requests.cpu": cpu,
        "limits.cpu": cpu,
        "requests.memory": memory,
        "limits.memory": memory,
        "requests.storage": f"{resources.storage_mebibytes}Mi",
        "pods": str(resources.pods),
    }


def quota_of(plan: EventPlan) -> dict[str, Any]:
    """Return the ResourceQuota."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": _metadata(plan, QUOTA_NAME),
        "spec": {"hard": quota_limits(plan.resources)},
    }


def policy_of(plan: EventPlan) -> dict[str, Any]:
    """Return the NetworkPolicy: in from its own pods and the gateway, out to its own pods, the platform and DNS."""
    own_pods: dict[str, Any] = {"podSelector": {}}
    gateway = {"namespaceSelector": {"matchLabels": {"platform-ops/role": "gateway"}}}
    platform = {"namespaceSelector": {"matchLabels": {"platform-ops/role": "platform"}}}
    dns = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(plan, POLICY_NAME),
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [own_pods, gateway]}],
            "egress": [{"to": [own_pods, platform]}, {"ports": dns}],
        },
    }


def _create_namespace(plan: EventPlan, core: Any) -> None:
    metadata = _metadata(plan, plan.namespace)
    metadata["labels"] |= {"platform-ops/tier": plan.tier}
    metadata["annotations"] |= {"platform-ops/bandwidth-kilobits": str(plan.resources.bandwidth_kilobits)}
    try:
        with kubernetes_errors():
            core.create_namespace({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, **_TIMEOUT)
    except Conflict:
        existing = _read(core, plan.namespace)
        if existing is None or existing.status.phase == "Terminating":
            raise ServerFault(SERVICE, f"namespace {plan.namespace} is still being removed") from None
        if _owner(existing) != plan.request_id:
            raise NotOwned(f"namespace {plan.namespace} belongs to {_owner(existing)!r}") from None


def _create_or_replace(create: Callable[[], object], replace: Callable[[], object]) -> None:
    try:
        with kubernetes_errors():
            create()
    except Conflict:
        with kubernetes_errors():
            replace()


def _metadata(plan: EventPlan, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "labels": {MANAGED_BY_LABEL: MANAGED_BY, SLUG_LABEL: plan.slug},
        "annotations": {REQUEST_ANNOTATION: plan.request_id},
    }


def _read(core: Any, name: str) -> Any | None:
    try:
        with kubernetes_errors():
            return core.read_namespace(name, **_TIMEOUT)
    except NotFound:
        return None


def _owner(namespace: Any) -> str | None:
    annotations: dict[str, str] = namespace.metadata.annotations or {}
    return annotations.get(REQUEST_ANNOTATION)
