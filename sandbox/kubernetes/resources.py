"""The resources that are served, and how an address names one."""

from __future__ import annotations

from dataclasses import dataclass

VERSION = "1.36.0"  # the minor version of the `kubernetes` client that is locked

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


@dataclass(frozen=True)
class ResourceType:
    """A kind of object, with the names under which the API knows it."""

    group: str
    plural: str
    kind: str
    short_names: tuple[str, ...]
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its objects."""
        return f"{self.group}/v1" if self.group else "v1"

    @property
    def qualified_name(self) -> str:
        """The name in messages: ``deployments.apps``, ``pods``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def schema_file(self) -> str:
        """The file of its schema in kubernetes-validate."""
        group = f"{self.group.partition('.')[0]}-" if self.group else ""
        return f"{self.kind.lower()}-{group}v1.json"

    def discovery(self) -> dict[str, object]:
        """Return the entry of the API's discovery document."""
        # A namespace is deleted one at a time, never as a collection.
        verbs = _VERBS if self.namespaced else [verb for verb in _VERBS if verb != "deletecollection"]
        return {
            "name": self.plural,
            "singularName": self.kind.lower(),
            "namespaced": self.namespaced,
            "kind": self.kind,
            "verbs": verbs,
            "shortNames": list(self.short_names),
        }


NAMESPACES = ResourceType("", "namespaces", "Namespace", ("ns",), namespaced=False)
PODS = ResourceType("", "pods", "Pod", ("po",))
QUOTAS = ResourceType("", "resourcequotas", "ResourceQuota", ("quota",))
LIMIT_RANGES = ResourceType("", "limitranges", "LimitRange", ("limits",))
CONFIG_MAPS = ResourceType("", "configmaps", "ConfigMap", ("cm",))
SECRETS = ResourceType("", "secrets", "Secret", ())
SERVICES = ResourceType("", "services", "Service", ("svc",))
SERVICE_ACCOUNTS = ResourceType("", "serviceaccounts", "ServiceAccount", ("sa",))
NETWORK_POLICIES = ResourceType("networking.k8s.io", "networkpolicies", "NetworkPolicy", ("netpol",))
DEPLOYMENTS = ResourceType("apps", "deployments", "Deployment", ("deploy",))

RESOURCE_TYPES = (
    NAMESPACES,
    PODS,
    QUOTAS,
    LIMIT_RANGES,
    CONFIG_MAPS,
    SECRETS,
    SERVICES,
    SERVICE_ACCOUNTS,
    NETWORK_POLICIES,
    DEPLOYMENTS,
)
GROUPS = tuple(dict.fromkeys(resource.group for resource in RESOURCE_TYPES))


@dataclass(frozen=True)
class Target:
    """What an address points at: a collection, or the object `name`, or one of its subresources."""

    resource: ResourceType
    namespace: str | None = None
    name: str | None = None
    subresource: str = ""


def parse_target(path: str) -> Target | None:
    """Return what `path` (below the server's root, no leading slash) points at, None for nothing known."""
    parts = path.strip("/").split("/")
    if parts[:2] == ["api", "v1"]:
        group, rest = "", parts[2:]
    elif parts[:1] == ["apis"] and parts[2:3] == ["v1"]:
        group, rest = parts[1], parts[3:]
    else:
        return None
    namespace = None
    # /namespaces/NAME/status is a subresource of the namespace, all else below it lies inside.
    if len(rest) >= 3 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    wanted = (group, rest[0] if rest else "")
    resource = next((known for known in RESOURCE_TYPES if (known.group, known.plural) == wanted), None)
    if resource is None or len(rest) > 3 or (namespace is not None and not resource.namespaced):
        return None
    name = rest[1] if len(rest) > 1 else None
    if name is not None and resource.namespaced and namespace is None:
        return None
    return Target(resource, namespace, name, rest[2] if len(rest) > 2 else "")
