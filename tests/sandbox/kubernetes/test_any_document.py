"""Whatever is sent, the cluster answers with an object or a refusal, never with an error of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.resources import NAMESPACES, RESOURCE_TYPES, Target
from sandbox.kubernetes.status import ApiError
from sandbox.kubernetes.store import ObjectStore
from sandbox.state import StateStore

NAMESPACE = "event-any"
FIELDS = st.sampled_from(
    [
        *("metadata", "name", "labels", "annotations", "finalizers", "spec", "data", "stringData", "type"),
        *("containers", "initContainers", "image", "resources", "requests", "limits", "cpu", "memory", "hard"),
        *("default", "defaultRequest", "ports", "port", "protocol", "replicas", "selector", "matchLabels", "template"),
        *("policyTypes", "ingress", "egress", "from", "to", "ipBlock", "cidr", "podSelector"),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
WORDS = st.sampled_from(["a", "1", "500m", "1Gi", "Container", "Ingress", "TCP", "10.0.0.0/8", "gate:1"])
DOCUMENTS = st.dictionaries(
    FIELDS,
    st.recursive(
        SCALARS | WORDS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
        max_leaves=20,
    ),
    max_size=5,
)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    state = StateStore(tmp_path / "sandbox.sqlite3")
    cluster = Cluster(ObjectStore(state), termination_seconds=0)
    cluster.create(Target(NAMESPACES), {"metadata": {"name": NAMESPACE}})
    yield cluster
    state.close()


def status_of_creation(cluster: Cluster, target: Target, document: dict[str, Any]) -> int:
    try:
        cluster.create(target, document)
    except ApiError as refusal:
        return int(refusal.code)
    return 201


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=DOCUMENTS, resource=st.sampled_from(RESOURCE_TYPES))
def test_objects_or_refusals(cluster: Cluster, document: dict[str, Any], resource: Any) -> None:
    target = Target(resource, NAMESPACE if resource.namespaced else None)
    named = {**document, "metadata": {"generateName": "any-"}}
    for candidate in (document, named):
        assert status_of_creation(cluster, target, candidate) in (201, 400, 403, 404, 409, 422)
