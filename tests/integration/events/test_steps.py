"""Each thing by itself: another request's is never touched, and what is wrong is found."""

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from kubernetes.client.exceptions import ApiException

from include.clients.errors import RetryableError, ServerFault
from include.events.errors import InvalidRules, NotOwned, StaleAttempt
from include.events.names import EventKey
from include.events.plan import EventPlan
from include.events.steps import account, endpoint, monitoring, namespace, schema
from include.events.world import World
from tests.support.events import Outside, plan, request_body, unique_id
from tests.support.events import receive as take


def leave() -> None:
    """The check of a request that may act."""


def no_leave() -> None:
    raise StaleAttempt("moved on")


@pytest.fixture
def planned(world: World) -> EventPlan:
    return plan(world, take(world, request_body())).plan


@pytest.fixture
def foreign(planned: EventPlan) -> EventPlan:
    """Another request that would have the same name."""
    return replace(planned, request_id=unique_id("other"))


@pytest.fixture(autouse=True)
def _clean_up(world: World, planned: EventPlan) -> Iterator[None]:
    yield
    key = EventKey.of(planned)
    monitoring.undo(key, world.events_dir, world.prometheus)
    schema.undo(key, world.platform)


def test_another_requests_namespace_is_never_touched(world: World, planned: EventPlan, foreign: EventPlan) -> None:
    namespace.apply(planned, world.core, world.networking, check=leave)
    with pytest.raises(NotOwned):
        namespace.apply(foreign, world.core, world.networking, check=leave)
    with pytest.raises(NotOwned):
        namespace.undo(EventKey.of(foreign), world.core)
    assert namespace.leftovers(EventKey.of(foreign), world.core) == []
    assert namespace.verify(planned, world.core, world.networking) == []
    assert "belongs to" in namespace.verify(foreign, world.core, world.networking)[0]


def test_a_namespace_somebody_made_by_hand_is_never_touched(world: World, planned: EventPlan) -> None:
    world.core.create_namespace({"metadata": {"name": planned.namespace}})
    with pytest.raises(NotOwned):
        namespace.apply(planned, world.core, world.networking, check=leave)
    with pytest.raises(NotOwned):
        namespace.undo(EventKey.of(planned), world.core)
    assert world.core.read_namespace(planned.namespace)


def test_the_quota_is_enforced(world: World, planned: EventPlan) -> None:
    namespace.apply(planned, world.core, world.networking, check=leave)
    greedy = {"requests": {"cpu": "100", "memory": "1Gi"}, "limits": {"cpu": "100", "memory": "1Gi"}}
    pod = {"metadata": {"name": "greedy"}, "spec": {"containers": [{"name": "c", "image": "x", "resources": greedy}]}}
    with pytest.raises(ApiException) as caught:
        world.core.create_namespaced_pod(planned.namespace, pod)
    assert caught.value.status == 403


def test_a_changed_quota_is_found_and_set_right(world: World, planned: EventPlan) -> None:
    namespace.apply(planned, world.core, world.networking, check=leave)
    world.core.patch_namespaced_resource_quota("event-quota", planned.namespace, {"spec": {"hard": {"pods": "999"}}})
    assert "quota" in namespace.verify(planned, world.core, world.networking)[0]
    namespace.apply(planned, world.core, world.networking, check=leave)
    assert namespace.verify(planned, world.core, world.networking) == []


def test_a_namespace_that_is_going_is_waited_for(world: World, planned: EventPlan) -> None:
    namespace.apply(planned, world.core, world.networking, check=leave)
    world.core.delete_namespace(planned.namespace)
    with pytest.raises(RetryableError, match="still being removed"):
        namespace.apply(planned, world.core, world.networking, check=leave)
    namespace.undo(EventKey.of(planned), world.core)
    namespace.apply(planned, world.core, world.networking, check=leave)
    assert namespace.verify(planned, world.core, world.networking) == []


def test_another_requests_schema_is_never_touched(world: World, planned: EventPlan, foreign: EventPlan) -> None:
    schema.apply(planned, world.platform, check=leave)
    with pytest.raises(NotOwned):
        schema.apply(foreign, world.platform, check=leave)
    with pytest.raises(NotOwned):
        schema.undo(EventKey.of(foreign), world.platform)
    assert schema.leftovers(EventKey.of(foreign), world.platform) == []
    assert schema.verify(planned, world.platform) == []


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("DROP TABLE {}.entry_logs", "table entry_logs is missing"),
        ("DROP INDEX {}.participants_status_idx", "lacks the indexes participants_status_idx"),
        ("GRANT DELETE ON {}.participants TO {}_api", "expected INSERT, SELECT, UPDATE"),
        ("REVOKE SELECT ON {}.gates FROM {}_viewer", "has no right on gates"),
        ("GRANT SELECT ON {}.participants TO PUBLIC", "has rights on the event's tables"),
    ],
)
def test_a_damaged_schema_is_found(world: World, planned: EventPlan, outside: Outside, damage: str, words: str) -> None:
    schema.apply(planned, world.platform, check=leave)
    with outside.platform.connect(autocommit=True) as admin:
        admin.execute(damage.format(planned.schema, planned.schema))  # type: ignore[arg-type]
    assert words in "; ".join(schema.verify(planned, world.platform))


def test_another_schemas_endpoint_is_never_touched(world: World, planned: EventPlan) -> None:
    schema.apply(planned, world.platform, check=leave)
    endpoint.apply(planned, world.platform_api, check=leave)
    other = replace(planned, slug=planned.slug[:-1] + "x", schema=planned.schema, api_role=planned.api_role)
    with pytest.raises(NotOwned):
        endpoint.apply(other, world.platform_api, check=leave)
    assert endpoint.verify(planned, world.platform_api) == []
    endpoint.undo(EventKey.of(planned), world.platform_api)
    endpoint.undo(EventKey.of(planned), world.platform_api)
    assert endpoint.verify(planned, world.platform_api) == [f"endpoint {planned.slug} is not registered"]


def test_an_endpoint_without_its_schema_is_found(world: World, planned: EventPlan) -> None:
    schema.apply(planned, world.platform, check=leave)
    endpoint.apply(planned, world.platform_api, check=leave)
    schema.undo(EventKey.of(planned), world.platform)
    assert endpoint.verify(planned, world.platform_api) != []


def test_accounts_go_with_their_event(world: World, planned: EventPlan) -> None:
    schema.apply(planned, world.platform, check=leave)
    endpoint.apply(planned, world.platform_api, check=leave)
    first = account.apply(planned, world.platform_api, check=leave)
    assert account.apply(planned, world.platform_api, check=leave) == first
    assert account.verify(planned, world.platform_api) == []
    for _ in range(2):
        account.undo(EventKey.of(planned), world.platform_api)
    assert account.leftovers(EventKey.of(planned), world.platform_api) == []
    assert account.verify(planned, world.platform_api) != []


def monitor(world: World, planned: EventPlan, *, promtool: str = "promtool") -> None:
    monitoring.apply(planned, world.events_dir, world.prometheus, promtool=promtool, check=leave)


def files(world: World, planned: EventPlan) -> list[Path]:
    return [path for path in world.events_dir.rglob("*") if planned.slug in path.name]


def test_the_files_say_what_prometheus_needs(world: World, planned: EventPlan) -> None:
    monitor(world, planned)
    ((group,), rules) = (
        json.loads((world.events_dir / "targets" / f"event_{planned.slug}.json").read_text()),
        (world.events_dir / "rules" / f"event_{planned.slug}.yml").read_text(),
    )
    assert group["targets"] == [planned.monitoring.target]
    assert rules.startswith(f"# Written by platform-ops for event request: {planned.request_id}\n")
    assert [rule["alert"] for rule in yaml.safe_load(rules)["groups"][0]["rules"]] == [
        "EventApiDown",
        "EventEntriesSurge",
        "EventNearCapacity",
    ]
    assert stat.S_IMODE((world.events_dir / "rules" / f"event_{planned.slug}.yml").stat().st_mode) == 0o644


def test_rules_that_promtool_refuses_never_get_into_place(world: World, planned: EventPlan) -> None:
    broken = replace(
        planned,
        monitoring=replace(planned.monitoring, alerts=(replace(planned.monitoring.alerts[0], expression="up ==== 1"),)),
    )
    with pytest.raises(InvalidRules, match="parse error"):
        monitor(world, broken)
    assert files(world, planned) == []


def test_files_are_removed_again_when_prometheus_cannot_reload(world: World, planned: EventPlan) -> None:
    """A rule file that only Prometheus stumbles over: one of somebody else's, as it happens."""
    stumbling_block = world.events_dir / "rules" / "zz_broken.yml"
    stumbling_block.write_text("groups: [{name: broken, rules: [{alert: A, expr: '('}]}]")
    try:
        with pytest.raises(ServerFault):
            monitor(world, planned)
        assert files(world, planned) == []
    finally:
        stumbling_block.unlink()
    monitor(world, planned)
    assert len(files(world, planned)) == 2


def test_another_requests_files_are_never_touched(world: World, planned: EventPlan, foreign: EventPlan) -> None:
    monitor(world, planned)
    before = {path: path.read_text() for path in files(world, planned)}
    with pytest.raises(NotOwned):
        monitor(world, foreign)
    with pytest.raises(NotOwned):
        monitoring.undo(EventKey.of(foreign), world.events_dir, world.prometheus)
    assert {path: path.read_text() for path in files(world, planned)} == before


@pytest.mark.parametrize("thing", ["namespace", "schema", "endpoint", "monitoring", "account"])
def test_nothing_is_done_without_leave(world: World, planned: EventPlan, outside: Outside, thing: str) -> None:
    acts = {
        "namespace": lambda: namespace.apply(planned, world.core, world.networking, check=no_leave),
        "schema": lambda: schema.apply(planned, world.platform, check=no_leave),
        "endpoint": lambda: endpoint.apply(planned, world.platform_api, check=no_leave),
        "monitoring": lambda: monitoring.apply(
            planned, world.events_dir, world.prometheus, promtool="promtool", check=no_leave
        ),
        "account": lambda: account.apply(planned, world.platform_api, check=no_leave),
    }
    with pytest.raises(StaleAttempt):
        acts[thing]()
    assert [call for call in outside.sandbox.journal() if call["method"] in {"POST", "PUT"}] == []
    assert files(world, planned) == []
    assert schema.leftovers(EventKey.of(planned), world.platform) == []
