"""The tasks of the three DAGs, with Airflow's connections from the environment, against the real systems."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowSkipException

from include.events import rollback
from include.events.errors import PlanChanged
from include.events.world import World
from include.settings import get_settings
from platform_ops import decommissioning
from platform_ops.operators.decommission import ApproveTakeDownOperator
from tests.support.databases import Database
from tests.support.decommissioning import REASON, LiveEvent, make_live_event
from tests.support.events import Outside, row_of


@pytest.fixture
def event(
    world: World, ops_db: Database, outside: Outside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LiveEvent]:
    """A live event, and an environment as the stack gives it to a worker."""
    sandbox, secrets = outside.sandbox, outside.sandbox.credentials
    connections = {
        "OPS_DB": ops_db.airflow_uri("ops_tasks"),
        "PLATFORM_DB": outside.platform.airflow_uri("ops_provisioner"),
        "PROMETHEUS_DEFAULT": {"conn_type": "http", "host": outside.prometheus_url},
        "PLATFORM_API_DEFAULT": {
            "conn_type": "http",
            "host": f"{sandbox.url}/platform",
            "password": secrets.platform_token,
        },
        "KUBERNETES_DEFAULT": {
            "conn_type": "kubernetes",
            "extra": {"kube_config": json.dumps(sandbox.kube_config)},
        },
        "SLACK_DEFAULT": {
            "conn_type": "slackwebhook",
            "host": f"{sandbox.url}/slack/services",
            "password": secrets.slack_webhook,
        },
        "SMTP_DEFAULT": {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": sandbox.smtp_port,
            "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "events@platform-ops.example"},
        },
    }
    for name, value in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", value if isinstance(value, str) else json.dumps(value))
    monkeypatch.setenv("PLATFORM_OPS_PROMETHEUS_EVENTS_DIR", str(outside.events_dir))
    monkeypatch.setenv("PLATFORM_OPS_EVENT_ARCHIVE_DIR", str(tmp_path / "archive"))
    get_settings.cache_clear()
    # A customer may write what Airflow would render: it is text to us.
    yield make_live_event(world, outside, tmp_path / "archive", name="Spring {{ 6 * 7 }} Summit")
    get_settings.cache_clear()


def context(event: LiveEvent, *, by: str | None = "operator1", **params: Any) -> Any:
    run_after = datetime.now(UTC) + params.pop("after", timedelta())
    run = SimpleNamespace(triggering_user_name=by, run_after=run_after)
    given = {"request_id": event.request_id, "reason": REASON, "dry_run": False} | params
    return {"params": given, "dag_run": run, "run_id": "manual__1", "ti": SimpleNamespace(try_number=1)}


def approve_and_take_down(event: LiveEvent) -> None:
    run = context(event)
    plan = decommissioning.plan_decommission(run)
    decommissioning.decide(run, plan, {"chosen": "Approve", "responded_by": "manager1"})
    decommissioning.archive_event(plan)
    decommissioning.take_down(plan)
    decommissioning.tell_customer(plan, decommissioning.verify_taken_down(plan))


def test_a_run_takes_the_event_down_and_tells_the_customer(event: LiveEvent, outside: Outside) -> None:
    approve_and_take_down(event)
    assert rollback.leftovers(event.world, request_id=event.request_id) == []
    assert outside.sandbox.mails(to="haneul@example.com")[0]["subject"] == "Spring {{ 6 * 7 }} Summit was taken down"


def test_another_run_finishes_what_stopped_after_the_rows_were_gone(
    event: LiveEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ConnectionError("the cluster does not answer")

    rows = event.rows()
    with monkeypatch.context() as patch:
        patch.setattr("include.events.steps.namespace.undo", refuse)
        with pytest.raises(ConnectionError):
            approve_and_take_down(event)
    assert row_of(event.world.ops, event.request_id)["status"] == "decommissioning"

    approve_and_take_down(event)

    assert row_of(event.world.ops, event.request_id)["status"] == "decommissioned"
    run = context(event)
    decommissioning.restore_event(run)
    assert event.rows() == rows


def test_a_restore_brings_it_back(event: LiveEvent) -> None:
    rows = event.rows()
    approve_and_take_down(event)
    run = context(event)
    assert decommissioning.plan_restore(run)["row_counts"]["participants"] == 3
    decommissioning.restore_event(run)
    decommissioning.verify_restored(run)
    assert event.rows() == rows


def test_a_purge_destroys_what_is_overdue_and_looks_again(event: LiveEvent) -> None:
    approve_and_take_down(event)
    run = context(event, after=timedelta(days=31))
    planned = decommissioning.purge(run, dry_run=True)
    assert [item["request_id"] for item in planned] == [event.request_id]
    assert event.folders != []
    decommissioning.purge(run, dry_run=False)
    decommissioning.verify_purged(run, planned)
    assert row_of(event.world.ops, event.request_id)["status"] == "purged"


def test_a_no_is_an_outcome_and_no_failure(event: LiveEvent) -> None:
    run = context(event)
    plan = decommissioning.plan_decommission(run)
    with pytest.raises(AirflowSkipException, match="nobody answered"):
        decommissioning.decide(run, plan, {"expired": True})
    assert row_of(event.world.ops, event.request_id)["status"] == "completed"


def test_a_dry_run_asks_nobody(event: LiveEvent, outside: Outside) -> None:
    before = len(outside.sandbox.mails())
    operator = ApproveTakeDownOperator(task_id="approve", plan_hash="0" * 64)
    with pytest.raises(AirflowSkipException, match="dry run"):
        operator.execute(context(event, dry_run=True))
    assert len(outside.sandbox.mails()) == before


def test_the_right_people_are_asked_once(event: LiveEvent, outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HITLOperator, "execute", lambda *_: None)
    monkeypatch.setattr(HITLOperator, "generate_link_to_ui_from_context", lambda **_: "http://127.0.0.1/review")
    run = context(event, by="manager1")
    operator = ApproveTakeDownOperator(task_id="approve", plan_hash=decommissioning.plan_decommission(run)["plan_hash"])
    for _ in range(2):
        operator.execute(run)

    names = {user["name"] for user in operator.assigned_users}
    assert "manager1" not in names
    assert "manager2" in names
    asked = [mail for mail in outside.sandbox.mails() if "take down" in mail["subject"] or "종료" in mail["subject"]]
    assert len(asked) == 1
    assert "Spring {{ 6 * 7 }} Summit" in asked[0]["subject"]
    chats = [str(call["body"]) for call in outside.sandbox.journal("slack")]
    assert len(chats) == 1
    assert "Spring {{ 6" in chats[0]
    assert event.request_id in (operator.body or "")
    assert operator.response_timeout == timedelta(seconds=get_settings().approval_expiry_seconds)


def test_slack_being_down_keeps_nobody_from_being_asked_by_mail(
    event: LiveEvent, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HITLOperator, "execute", lambda *_: None)
    monkeypatch.setattr(HITLOperator, "generate_link_to_ui_from_context", lambda **_: "http://127.0.0.1/review")
    outside.sandbox.faults("slack", status=500)
    run = context(event, by="manager1")
    operator = ApproveTakeDownOperator(task_id="approve", plan_hash=decommissioning.plan_decommission(run)["plan_hash"])
    try:
        operator.execute(run)
    finally:
        outside.sandbox.clear_faults()
    assert any("take down" in mail["subject"] or "종료" in mail["subject"] for mail in outside.sandbox.mails())


def test_another_plan_than_the_planned_one_is_not_asked_about(event: LiveEvent) -> None:
    operator = ApproveTakeDownOperator(task_id="approve", plan_hash="0" * 64)
    with pytest.raises(PlanChanged):
        operator.execute(context(event))
