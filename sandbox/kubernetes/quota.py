"""ResourceQuota and LimitRange: what a namespace's objects use, and what is too much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from sandbox.kubernetes.quantities import format_quantity, parse_quantity
from sandbox.kubernetes.resources import LIMIT_RANGES, PODS, QUOTAS, RESOURCE_TYPES, SERVICES, ResourceType
from sandbox.kubernetes.status import forbidden
from sandbox.kubernetes.store import Document, ObjectStore

_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_COUNTED = frozenset({"pods", "services", "secrets", "configmaps", "resourcequotas"})
_FINISHED = ("Succeeded", "Failed")

Usage = dict[str, Decimal]


def usage_of(resource: ResourceType, document: Mapping[str, Any]) -> Usage:
    """Return what one object counts for, under the names that a quota knows."""
    if resource is PODS and (document.get("status") or {}).get("phase") in _FINISHED:
        return {}
    used: Usage = {f"count/{resource.qualified_name}": Decimal(1)}
    if resource.plural in _COUNTED:
        used[resource.plural] = Decimal(1)
    if resource is PODS:
        used |= _pod_compute(document.get("spec") or {})
    if resource is SERVICES:
        kind = (document.get("spec") or {}).get("type")
        used["services.loadbalancers"] = Decimal(kind == "LoadBalancer")
        used["services.nodeports"] = Decimal(kind in ("NodePort", "LoadBalancer"))
    return used


def _pod_compute(spec: Mapping[str, Any]) -> Usage:
    """Return the compute of a pod: its containers together, or its largest init container if that is more."""
    used: Usage = {}
    for section in ("requests", "limits"):
        for name in _COMPUTE:
            amounts = [_amount(container, section, name) for container in spec.get("containers") or []]
            largest = [_amount(container, section, name) for container in spec.get("initContainers") or []]
            used[f"{section}.{name}"] = max(sum(amounts, Decimal(0)), *largest, Decimal(0))
    # A bare name in a quota means the requests.
    return used | {name: used[f"requests.{name}"] for name in _COMPUTE}


def _amount(container: Mapping[str, Any], section: str, name: str) -> Decimal:
    return parse_quantity(((container.get("resources") or {}).get(section) or {}).get(name, 0))


def namespace_usage(store: ObjectStore, namespace: str) -> Usage:
    """Return what all objects of a namespace use together."""
    total: Usage = {}
    for resource in RESOURCE_TYPES:
        if resource.namespaced:
            for document in store.listed(resource, namespace):
                for name, amount in usage_of(resource, document).items():
                    total[name] = total.get(name, Decimal(0)) + amount
    return total


def with_quota_status(store: ObjectStore, quotas: Iterable[Document]) -> list[Document]:
    """Return quotas with what is used now."""
    usages: dict[str, Usage] = {}
    result = []
    for quota in quotas:
        namespace = quota["metadata"]["namespace"]
        used = usages.setdefault(namespace, namespace_usage(store, namespace))
        hard = (quota.get("spec") or {}).get("hard") or {}
        shown = {name: format_quantity(used.get(name, Decimal(0)), like=limit) for name, limit in hard.items()}
        result.append({**quota, "status": {"hard": dict(hard), "used": shown}})
    return result


def check_quota(
    store: ObjectStore, resource: ResourceType, document: Document, *, before: Document | None = None
) -> None:
    """Refuse an object that would break one of its namespace's quotas.

    Raises ApiError (403): a limit would be exceeded, or a pod does not say what a quota counts.
    """
    namespace = document["metadata"]["namespace"]
    quotas = store.listed(QUOTAS, namespace)
    if not quotas:
        return
    wanted = usage_of(resource, document)
    had = usage_of(resource, before) if before else {}
    used = namespace_usage(store, namespace)
    for quota in quotas:
        hard = {name: parse_quantity(value) for name, value in ((quota.get("spec") or {}).get("hard") or {}).items()}
        name = document["metadata"]["name"]
        if resource is PODS:
            _check_says_what_is_counted(quota, hard, document)
        more = {key: wanted[key] - had.get(key, Decimal(0)) for key in hard if key in wanted}
        broken = [key for key, amount in more.items() if amount > 0 and used.get(key, Decimal(0)) + amount > hard[key]]
        if broken:
            limits = quota["spec"]["hard"]
            why = f"exceeded quota: {quota['metadata']['name']}"
            for label, amounts in (("requested", more), ("used", used), ("limited", hard)):
                listed = ",".join(
                    f"{key}={format_quantity(amounts.get(key, Decimal(0)), like=limits[key])}" for key in broken
                )
                why += f", {label}: {listed}"
            raise forbidden(resource, name, why)


def _check_says_what_is_counted(quota: Document, hard: Mapping[str, Decimal], pod: Document) -> None:
    missing: dict[str, list[str]] = {}
    for key in hard:
        section, _dot, name = key.rpartition(".")
        if name not in _COMPUTE:
            continue
        for container in pod["spec"]["containers"]:
            said = (container.get("resources") or {}).get(section or "requests") or {}
            if name not in said:
                missing.setdefault(key, []).append(container["name"])
    if missing:
        listed = "; ".join(f"{key} for: {','.join(names)}" for key, names in missing.items())
        why = f"failed quota: {quota['metadata']['name']}: must specify {listed}"
        raise forbidden(PODS, pod["metadata"]["name"], why)


def with_limit_range(store: ObjectStore, pod: Document) -> Document:
    """Return a pod with the defaults that its namespace's LimitRanges give to containers."""
    defaults: dict[str, dict[str, str]] = {"limits": {}, "requests": {}}
    for limit_range in store.listed(LIMIT_RANGES, pod["metadata"]["namespace"]):
        for limit in (limit_range.get("spec") or {}).get("limits") or []:
            if limit["type"] == "Container":
                defaults["limits"] |= limit.get("default") or {}
                defaults["requests"] |= limit.get("defaultRequest") or limit.get("default") or {}
    if not any(defaults.values()):
        return pod
    containers = []
    for container in pod["spec"]["containers"]:
        said = container.get("resources") or {}
        filled = {section: {**given, **(said.get(section) or {})} for section, given in defaults.items()}
        containers.append({**container, "resources": {**said, **filled}})
    return {**pod, "spec": {**pod["spec"], "containers": containers}}
