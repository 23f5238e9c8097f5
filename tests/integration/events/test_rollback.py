"""After a failure at any step nothing is left anywhere, however the step, or the rollback itself, ended."""

import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.clients.errors import ClientError
from include.events import decision_notice, intake, lifecycle, planning, provision, rollback
from include.events.errors import InvalidRequest, RollbackIncomplete, StaleAttempt, VerificationFailed
from include.events.steps import monitoring
from include.events.world import World
from tests.support.databases import Database
from tests.support.event_worker import working
from tests.support.events import NOW, Approved, Outside, approve, plan, request_body, row_of
from tests.support.waiting import wait_until

# One call of each step in each service, which fails before or after its work was done.
CALLS: dict[str, dict[str, Any]] = {
    "namespace": {"service": "kubernetes", "method": "POST", "path_regex": "namespaces$"},
    "quota": {"service": "kubernetes", "method": "POST", "path_regex": "resourcequotas"},
    "policy": {"service": "kubernetes", "method": "POST", "path_regex": "networkpolicies"},
    "endpoint": {"service": "platform", "method": "PUT", "path_regex": "endpoints"},
    "probe": {"service": "platform", "method": "POST", "path_regex": "probe-token"},
    "account": {"service": "platform", "method": "POST", "path_regex": "accounts$"},
    "handover": {"service": "platform", "method": "POST", "path_regex": "handover$"},
    "sms": {"service": "twilio", "method": "POST"},
    "mail": {"service": "smtp", "method": "DATA", "path_regex": "haneul"},
}

# The first of its calls that needs Prometheus; the others are not made to wait for it.
STEPS_OF = {"probe": ("namespace", "schema", "endpoint", "monitoring", "verification")}


def undo(world: World, approved: Approved) -> rollback.UndoReport:
    return rollback.undo_event(world, request_id=approved.request_id, attempt=approved.attempt, reason="test")


def assert_nothing_left(world: World, approved: Approved, outside: Outside) -> None:
    """Ask every system by itself, not through the code under test."""
    slug = approved.key.slug
    assert rollback.leftovers(world, request_id=approved.request_id) == []
    namespaces = [item.metadata.name for item in world.core.list_namespace().items]
    assert [name for name in namespaces if slug.replace("_", "-") in name] == []
    with outside.platform.connect(autocommit=True) as admin:
        for catalogue in ("SELECT rolname AS n FROM pg_roles", "SELECT nspname AS n FROM pg_namespace"):
            assert [row["n"] for row in admin.execute(catalogue) if slug in row["n"]] == []
        for table in ("endpoints", "accounts", "tokens"):
            query = f"SELECT 1 FROM platform_api.{table} WHERE slug = %s"  # noqa: S608 - names from above
            assert admin.execute(query, (slug,)).fetchall() == []  # type: ignore[arg-type]
    assert [path.name for path in outside.events_dir.rglob("*") if slug in path.name] == []
    assert [target.labels for target in world.prometheus.list_targets() if target.labels.get("event") == slug] == []
    assert f"event_{slug}" not in world.prometheus.list_rule_groups()
    guides = world.ops.execute("SELECT 1 FROM ops.event_guides WHERE request_id = %s", (approved.request_id,))
    assert guides.fetchall() == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_nothing_is_left_when_a_call_fails(world: World, outside: Outside, call: str, after: bool) -> None:
    approved = approve(world, request_body())
    outside.sandbox.faults(
        **CALLS[call], status=500 if call != "mail" else None, disconnect=call == "mail", after=after
    )
    with pytest.raises((ClientError, OSError)):
        approved.apply_all(world)
    outside.sandbox.clear_faults()
    failed_at = row_of(world.ops, approved.request_id)
    assert failed_at["status"] == "configuring"
    undo(world, approved)
    row = row_of(world.ops, approved.request_id)
    assert row["status"] == "rolled_back"
    assert row["result"] == {}
    assert row["error"]["step"] in provision.STEPS
    assert_nothing_left(world, approved, outside)


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("namespace", CALLS["namespace"]),
        ("namespace", CALLS["policy"]),
        ("endpoint", CALLS["endpoint"]),
        ("handover", CALLS["account"]),
        ("handover", CALLS["handover"]),
        ("confirmation", CALLS["sms"]),
    ],
)
@pytest.mark.parametrize("then", ["undo", "continue"])
def test_killed_while_its_call_was_under_way(
    world: World, ops_db: Database, outside: Outside, step: str, fault: dict[str, Any], then: str
) -> None:
    """The worker dies (kill -9) after the other side did its work and before the answer came back."""
    approved = approve(world, request_body())
    for name in ("schema", "endpoint", "handover"):
        if name == step or step == "namespace":
            break
        approved.apply(name, world)
    outside.sandbox.faults(**fault, delay_seconds=30, after=True, times=1)
    with working(approved, ops_db, outside, steps=[step]):
        wait_until(lambda: fault_is_hit(outside), what=f"{step} under way")
    outside.sandbox.clear_faults()
    assert states(world, approved)[step] == "running"
    if then == "continue":
        approved.apply(step, world)
        assert states(world, approved)[step] == "done"
        return
    undo(world, approved)
    assert row_of(world.ops, approved.request_id)["error"]["type"] == "Killed"
    assert_nothing_left(world, approved, outside)


def fault_is_hit(outside: Outside) -> bool:
    return any(fault["hits"] for fault in outside.sandbox.call("GET", "/_sandbox/faults")["faults"])


def states(world: World, approved: Approved) -> dict[str, str]:
    rows = world.ops.execute("SELECT step, state FROM ops.event_steps WHERE request_id = %s", (approved.request_id,))
    return {row["step"]: row["state"] for row in rows}


def test_killed_while_the_schema_was_made(world: World, ops_db: Database, outside: Outside) -> None:
    approved = approve(world, request_body())
    with outside.platform.connect() as blocker:
        blocker.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('platform_ops.event_' || %s, 0))", (approved.key.slug,)
        )
        with working(approved, ops_db, outside, steps=["schema"]):
            wait_until(lambda: waits_for_lock(outside), what="the schema under way")
    # The killed session's call goes on in the server until it notices; the undo waits for it.
    undo(world, approved)
    assert_nothing_left(world, approved, outside)


def waits_for_lock(outside: Outside) -> bool:
    query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%create_event_schema%%'"
    with outside.platform.connect(autocommit=True) as admin:
        return admin.execute(query).fetchone() is not None


def test_killed_while_its_rules_were_checked(world: World, ops_db: Database, outside: Outside, tmp_path: Path) -> None:
    """What is half written lies hidden beside its place; the rollback finds it."""
    slow = script(tmp_path, "exec sleep 30")
    approved = approve(world, request_body())
    rules = outside.events_dir / "rules"
    with working(approved, ops_db, outside, steps=["monitoring"], promtool=str(slow)):
        wait_until(lambda: list(rules.glob(f".event_{approved.key.slug}*")), what="the rules being checked")
    assert rollback.leftovers(world, request_id=approved.request_id) != []
    undo(world, approved)
    assert_nothing_left(world, approved, outside)


def script(folder: Path, line: str) -> Path:
    path = folder / "promtool"
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize(
    "fault",
    [
        {"service": "platform", "method": "DELETE", "path_regex": "accounts"},
        {"service": "platform", "method": "DELETE", "path_regex": "endpoints"},
        {"service": "kubernetes", "method": "DELETE"},
    ],
)
def test_a_rollback_that_was_killed_is_finished_by_the_next(
    world: World, ops_db: Database, outside: Outside, fault: dict[str, Any]
) -> None:
    approved = approve(world, request_body())
    approved.apply("namespace", world)
    approved.apply_quickly(world)
    outside.sandbox.faults(**fault, delay_seconds=30, times=1)
    with working(approved, ops_db, outside):
        wait_until(lambda: fault_is_hit(outside), what="the rollback under way")
    outside.sandbox.clear_faults()
    assert row_of(world.ops, approved.request_id)["status"] == "rolling_back"
    (found,) = rollback.needing_undo(world.ops, idle_seconds=0)
    assert (found["request_id"], found["attempt"]) == (approved.request_id, 1)
    undo(world, approved)
    assert row_of(world.ops, approved.request_id)["status"] == "rolled_back"
    assert_nothing_left(world, approved, outside)


def test_what_cannot_be_undone_is_named_the_rest_is_undone_and_operators_are_told(
    world: World, outside: Outside
) -> None:
    approved = approve(world, request_body())
    approved.apply("namespace", world)
    approved.apply_quickly(world)
    outside.sandbox.faults("platform", method="DELETE", path_regex="endpoints", status=503)
    with pytest.raises(RollbackIncomplete) as caught:
        undo(world, approved)
    assert [failure.partition(":")[0] for failure in caught.value.failures] == ["endpoint"]
    assert [left.partition(" ")[0] for left in caught.value.leftovers] == ["endpoint"]
    assert row_of(world.ops, approved.request_id)["status"] == "rollback_failed"
    assert len(outside.sandbox.mails("operators@platform-ops.example")) == 1
    outside.sandbox.clear_faults()
    undo(world, approved)
    assert_nothing_left(world, approved, outside)


def test_customer_and_operators_are_told_once(world: World, outside: Outside) -> None:
    approved = approve(world, request_body(language="ko"))
    undo(world, approved)
    for _ in range(2):
        rollback.tell(world, request_id=approved.request_id)
    (to_customer,) = outside.sandbox.mails("haneul@example.com")
    assert "실패" in to_customer["subject"]
    (to_operators,) = outside.sandbox.mails("operators@platform-ops.example")
    assert approved.request_id in to_operators["subject"]


def never_planned(world: World, body: dict[str, Any]) -> str:
    receipt = intake.receive(world.ops, body, identity=intake.Identity.user("u"), source="api", now=NOW)
    return receipt.request_id


def only_planned(world: World, body: dict[str, Any]) -> str:
    request_id = never_planned(world, body)
    plan(world, request_id)
    return request_id


@pytest.mark.parametrize("prepare", [never_planned, only_planned])
def test_undo_is_safe_when_nothing_was_made(world: World, prepare: Callable[[World, dict[str, Any]], str]) -> None:
    request_id = prepare(world, request_body())
    for _ in range(2):
        rollback.undo_event(world, request_id=request_id, attempt=1, reason="planning failed")
    assert row_of(world.ops, request_id)["status"] == "rolled_back"
    rollback.tell(world, request_id=request_id)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_request_that_became_invalid_ends_quietly_and_its_customer_knows(
    world: World, outside: Outside, language: str
) -> None:
    request_id = never_planned(world, request_body(language=language))
    with pytest.raises(InvalidRequest):
        planning.plan_event(world.ops, world.platform, request_id=request_id, attempt=1, now=NOW + timedelta(days=5000))
    (untold,) = decision_notice.invalid_untold(world.ops, idle_seconds=0)
    assert (untold["request_id"], untold["attempt"]) == (request_id, 1)
    for _ in range(2):
        assert rollback.end_failed(world, request_id=request_id, attempt=1, reason="planning failed").undone == ()
    assert row_of(world.ops, request_id)["status"] == "invalid"
    (mail,) = outside.sandbox.mails("haneul@example.com")
    expected = {"en": "could not be set up as requested", "ko": "요청하신 내용으로 준비할 수 없습니다"}
    assert expected[language] in mail["subject"]
    assert outside.sandbox.mails("operators@platform-ops.example") == []
    assert decision_notice.invalid_untold(world.ops, idle_seconds=0) == []


def test_an_invalid_request_of_which_something_is_there_is_not_closed(world: World) -> None:
    approved = approve(world, request_body())
    approved.apply("schema", world)
    world.ops.execute("UPDATE ops.event_requests SET status = 'invalid'")
    with pytest.raises(RollbackIncomplete) as caught:
        rollback.end_failed(world, request_id=approved.request_id, attempt=1, reason="test")
    assert caught.value.leftovers != ()


@pytest.mark.parametrize("status", ["received", "planned", "awaiting_approval"])
def test_a_request_whose_run_died_before_it_was_approved_needs_undo(world: World, status: str) -> None:
    request_id = never_planned(world, request_body())
    world.ops.execute("UPDATE ops.event_requests SET status = %s", (status,))
    lifecycle.claim(world.ops, request_id=request_id, attempt=1, dag_run_id="run-1")
    (found,) = rollback.needing_undo(world.ops, idle_seconds=0)
    assert (found["request_id"], found["status"], found["dag_run_id"]) == (request_id, status, "run-1")
    rollback.end_failed(world, request_id=request_id, attempt=1, reason="its run is over")
    assert row_of(world.ops, request_id)["status"] == "rolled_back"


def test_a_request_that_waits_for_the_engine_needs_no_undo(world: World) -> None:
    never_planned(world, request_body())
    assert rollback.needing_undo(world.ops, idle_seconds=0) == []


@pytest.mark.parametrize("status", ["completed", "rejected", "expired", "decommissioned"])
def test_undo_refuses_what_succeeded_or_never_began(world: World, status: str) -> None:
    approved = approve(world, request_body())
    approved.apply("schema", world)
    world.ops.execute("UPDATE ops.event_requests SET status = %s", (status,))
    before = rollback.leftovers(world, request_id=approved.request_id)
    with pytest.raises(StaleAttempt):
        undo(world, approved)
    assert rollback.leftovers(world, request_id=approved.request_id) == before != []


def test_undo_of_an_older_attempt_does_not_touch_the_newer(world: World) -> None:
    approved = approve(world, request_body())
    undo(world, approved)
    intake.resume(world.ops, request_id=approved.request_id, identity=intake.Identity.user("u"), now=NOW)
    with pytest.raises(StaleAttempt):
        undo(world, approved)
    assert row_of(world.ops, approved.request_id)["status"] == "received"


def test_a_resumed_request_is_provisioned(world: World, outside: Outside) -> None:
    approved = approve(world, request_body())
    approved.apply("namespace", world)
    undo(world, approved)
    receipt = intake.resume(world.ops, request_id=approved.request_id, identity=intake.Identity.user("u"), now=NOW)
    planned = plan(world, approved.request_id, receipt.attempt)
    again = replace(approved, attempt=receipt.attempt, plan_hash=planned.plan_hash, plan=planned.plan)
    again.approve(world)
    again.apply("namespace", world)
    assert rollback.leftovers(world, request_id=approved.request_id) == [f"namespace {approved.key.namespace}"]


def test_a_failed_verification_is_rolled_back(world: World, outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitoring, "SEEN_WITHIN_SECONDS", 1.0)
    approved = approve(world, request_body())
    approved.apply("namespace", world)
    with pytest.raises(VerificationFailed):
        approved.apply("verification", world)
    undo(world, approved)
    assert row_of(world.ops, approved.request_id)["error"]["type"] == "VerificationFailed"
    assert_nothing_left(world, approved, outside)
