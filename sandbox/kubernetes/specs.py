"""Defaults and checks of what an object says, beyond what a schema can hold."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.kubernetes.quantities import parse_quantity
from sandbox.kubernetes.resources import ResourceType
from sandbox.kubernetes.status import Cause

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_PROTOCOLS = ("TCP", "UDP", "SCTP")
_QUOTA_NAMES = frozenset(
    {
        *(
            f"{prefix}{name}"
            for prefix in ("", "requests.", "limits.")
            for name in ("cpu", "memory", "ephemeral-storage")
        ),
        "configmaps",
        "persistentvolumeclaims",
        "pods",
        "replicationcontrollers",
        "requests.storage",
        "resourcequotas",
        "secrets",
        "services",
        "services.loadbalancers",
        "services.nodeports",
    }
)

Spec = Mapping[str, Any]


def with_defaults(resource: ResourceType, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object with what the server adds when it is not said, and the status that it starts with."""
    spec = document.get("spec") or {}
    match resource.kind:
        case "Namespace":
            return _namespace_with_defaults(document)
        case "Pod":
            return {**document, "spec": _pod_defaults(spec), "status": {"phase": "Pending"}}
        case "Service":
            defaults = {"type": "ClusterIP", "sessionAffinity": "None"}
            return {**document, "spec": {**defaults, **spec}, "status": {"loadBalancer": {}}}
        case "NetworkPolicy":
            return {**document, "spec": {"podSelector": {}, "policyTypes": _policy_types(spec), **spec}}
        case "Deployment":
            return {**document, "spec": {"replicas": 1, "revisionHistoryLimit": 10, **spec}, "status": {}}
        case "Secret":
            return _secret_with_defaults(document)
        case _:
            return dict(document)


def _namespace_with_defaults(document: Mapping[str, Any]) -> dict[str, Any]:
    metadata = document["metadata"]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    complete = {**document, "metadata": {**metadata, "labels": labels}}
    return complete | {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}


def _secret_with_defaults(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a secret with its plain strings encoded: `stringData` is never read back."""
    plain = document.get("stringData") or {}
    encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
    kept = {key: value for key, value in document.items() if key != "stringData"}
    return {"type": "Opaque", **kept, "data": {**(document.get("data") or {}), **encoded}}


def _policy_types(spec: Spec) -> list[str]:
    return ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _pod_defaults(spec: dict[str, Any]) -> dict[str, Any]:
    """Default a pod's spec; a limit without a request is also the request."""
    containers = []
    for container in spec.get("containers") or []:
        resources = container.get("resources") or {}
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        if limits:
            resources = {**resources, "requests": {**limits, **requests}}
        containers.append({"imagePullPolicy": "IfNotPresent", **container, "resources": resources})
    return {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "terminationGracePeriodSeconds": 30,
        **spec,
        "containers": containers,
    }


def spec_causes(resource: ResourceType, document: Mapping[str, Any]) -> Iterator[Cause]:
    """Yield what is wrong with what an object says."""
    spec = document.get("spec") or {}
    match resource.kind:
        case "ResourceQuota":
            yield from _quota_causes(spec)
        case "LimitRange":
            yield from _limit_range_causes(spec)
        case "Pod":
            yield from _pod_causes(spec, "spec")
        case "Deployment":
            yield from _deployment_causes(spec)
        case "Service":
            yield from _service_causes(spec)
        case "NetworkPolicy":
            yield from _network_policy_causes(spec)
        case "Secret" | "ConfigMap":
            yield from _data_causes(document, encoded=resource.kind == "Secret")


def _quota_causes(spec: Spec) -> Iterator[Cause]:
    for name, value in (spec.get("hard") or {}).items():
        field = f"spec.hard[{name}]"
        if name not in _QUOTA_NAMES and not name.startswith("count/") and "/" not in name:
            yield Cause(field, f'Invalid value: "{name}": must be a standard resource type or fully qualified')
        yield from _quantity_causes(value, field)
    if spec.get("scopes") or spec.get("scopeSelector"):
        yield Cause("spec.scopes", "Unsupported value: this cluster serves no scoped quotas", "FieldValueNotSupported")


def _limit_range_causes(spec: Spec) -> Iterator[Cause]:
    for index, limit in enumerate(spec.get("limits") or []):
        for section in ("default", "defaultRequest", "max", "min", "maxLimitRequestRatio"):
            for name, value in (limit.get(section) or {}).items():
                yield from _quantity_causes(value, f"spec.limits[{index}].{section}[{name}]")


def _quantity_causes(value: object, field: str) -> Iterator[Cause]:
    try:
        amount = parse_quantity(value)
    except ValueError:
        pattern = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
        yield Cause(field, f"Invalid value: \"{value}\": quantities must match the regular expression '{pattern}'")
        return
    if amount < 0:
        yield Cause(field, f'Invalid value: "{value}": must be greater than or equal to 0')


def _pod_causes(spec: Spec, path: str) -> Iterator[Cause]:
    containers = spec.get("containers") or []
    if not containers:
        yield Cause(f"{path}.containers", "Required value", "FieldValueRequired")
    seen: set[str] = set()
    listed = [("containers", index, container) for index, container in enumerate(containers)]
    listed += [("initContainers", index, container) for index, container in enumerate(spec.get("initContainers") or [])]
    for section, index, container in listed:
        field = f"{path}.{section}[{index}]"
        name = str(container.get("name") or "")
        if not _DNS_LABEL.fullmatch(name):
            yield Cause(f"{field}.name", f'Invalid value: "{name}": a lowercase RFC 1123 label is required')
        if name in seen:
            yield Cause(f"{field}.name", f'Duplicate value: "{name}"', "FieldValueDuplicate")
        seen.add(name)
        if not container.get("image"):
            yield Cause(f"{field}.image", "Required value", "FieldValueRequired")
        yield from _container_resource_causes(container.get("resources") or {}, f"{field}.resources")


def _container_resource_causes(resources: Spec, field: str) -> Iterator[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    faults = [
        *(cause for name, value in limits.items() for cause in _quantity_causes(value, f"{field}.limits[{name}]")),
        *(cause for name, value in requests.items() for cause in _quantity_causes(value, f"{field}.requests[{name}]")),
    ]
    yield from faults
    if faults:
        return
    for name, value in requests.items():
        if name in limits and parse_quantity(value) > parse_quantity(limits[name]):
            yield Cause(
                f"{field}.requests",
                f'Invalid value: "{value}": must be less than or equal to {name} limit of {limits[name]}',
            )


def _deployment_causes(spec: Spec) -> Iterator[Cause]:
    wanted = (spec.get("selector") or {}).get("matchLabels") or {}
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not wanted and not (spec.get("selector") or {}).get("matchExpressions"):
        yield Cause("spec.selector", "Required value: empty selector is invalid for deployment", "FieldValueRequired")
    if any(labels.get(key) != value for key, value in wanted.items()):
        yield Cause("spec.template.metadata.labels", "Invalid value: `selector` does not match template `labels`")
    if (spec.get("replicas") or 0) < 0:
        yield Cause("spec.replicas", f"Invalid value: {spec['replicas']}: must be greater than or equal to 0")
    yield from _pod_causes(template.get("spec") or {}, "spec.template.spec")


def _service_causes(spec: Spec) -> Iterator[Cause]:
    kinds = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
    if spec.get("type") not in kinds:
        yield Cause("spec.type", f'Unsupported value: "{spec.get("type")}"', "FieldValueNotSupported")
    if not spec.get("ports") and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        yield Cause("spec.ports", "Required value", "FieldValueRequired")
    for index, port in enumerate(spec.get("ports") or []):
        yield from _port_causes(port.get("port"), f"spec.ports[{index}].port")
        yield from _protocol_causes(port, f"spec.ports[{index}].protocol")


def _network_policy_causes(spec: Spec) -> Iterator[Cause]:
    for index, kind in enumerate(spec.get("policyTypes") or []):
        if kind not in ("Ingress", "Egress"):
            yield Cause(f"spec.policyTypes[{index}]", f'Unsupported value: "{kind}"', "FieldValueNotSupported")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or []):
            field = f"spec.{direction}[{index}]"
            for number, port in enumerate(rule.get("ports") or []):
                yield from _policy_port_causes(port, f"{field}.ports[{number}]")
            for number, peer in enumerate(rule.get(peers) or []):
                yield from _peer_causes(peer, f"{field}.{peers}[{number}]")


def _policy_port_causes(port: Spec, field: str) -> Iterator[Cause]:
    yield from _protocol_causes(port, f"{field}.protocol")
    if isinstance(port.get("port"), int):
        yield from _port_causes(port["port"], f"{field}.port")


def _peer_causes(peer: Spec, field: str) -> Iterator[Cause]:
    block = peer.get("ipBlock")
    if not peer:
        yield Cause(field, "Required value: must specify a peer", "FieldValueRequired")
    if block and (peer.get("podSelector") or peer.get("namespaceSelector")):
        yield Cause(field, "Forbidden: may not specify both ipBlock and another peer", "FieldValueForbidden")
    if block:
        try:
            ipaddress.ip_network(block["cidr"], strict=False)
        except ValueError:
            yield Cause(f"{field}.ipBlock.cidr", f'Invalid value: "{block["cidr"]}": must be a valid CIDR value')


def _port_causes(port: object, field: str) -> Iterator[Cause]:
    if not isinstance(port, int) or not 1 <= port <= 65535:
        yield Cause(field, f"Invalid value: {port}: must be between 1 and 65535, inclusive")


def _protocol_causes(port: Spec, field: str) -> Iterator[Cause]:
    if port.get("protocol") not in (None, *_PROTOCOLS):
        yield Cause(field, f'Unsupported value: "{port["protocol"]}"', "FieldValueNotSupported")


def _data_causes(document: Mapping[str, Any], *, encoded: bool) -> Iterator[Cause]:
    for key, value in (document.get("data") or {}).items():
        if not _DATA_KEY.fullmatch(key):
            yield Cause(f"data[{key}]", f'Invalid value: "{key}": a valid config key is [-._a-zA-Z0-9]+')
        if encoded and not _is_base64(value):
            yield Cause(f"data[{key}]", "Invalid value: illegal base64 data")


def _is_base64(value: object) -> bool:
    try:
        base64.b64decode(str(value), validate=True)
    except binascii.Error:
        return False
    return True
