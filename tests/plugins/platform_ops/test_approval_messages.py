"""Who is told that a decision is needed, and that it is needed once more."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.providers.standard.operators.hitl import HITLOperator

from include.approvals.deadlines import ApprovalDue, Deadlines
from include.approvals.process import Ask
from include.approvals.roster import Approver, ApproverGroup, Rank
from include.events import intake
from include.events.decommission_plan import DecommissionPlan, TakeDown
from platform_ops.notifications.approvals import notify_approvers
from platform_ops.notifications.decommissioning import notify_about_take_down
from sandbox.testing import SandboxServer
from tests.support.databases import Database
from tests.support.events import NOW, request_body
from tests.support.plans import plan_of, request

DEADLINES = Deadlines(reminder_seconds=60, deputy_seconds=120, expiry_seconds=180)


def person(name: str) -> Approver:
    return Approver(
        username=name,
        name=name,
        email=f"{name}@example.com",
        phone="+821012345678",
        slack_id="U1",
        ranks=(Rank.MANAGER,),
        language="en",
    )


@pytest.fixture
def ops(ops_db: Database) -> Iterator[psycopg.Connection[Any]]:
    with ops_db.connect("ops_tasks", autocommit=True) as conn:
        yield conn


@pytest.fixture
def request_id(ops: psycopg.Connection[Any]) -> str:
    """A request that messages can be about."""
    identity = intake.Identity.user("requester1")
    return intake.receive(ops, request_body(), identity=identity, source="airflow", now=NOW).request_id


@pytest.fixture
def server(sandbox_server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> SandboxServer:
    """A mail server that `smtp_default` leads to; there is no channel."""
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "ops@example.com"}
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": sandbox_server.smtp_port, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
    monkeypatch.setattr(HITLOperator, "generate_link_to_ui_from_context", lambda **_: "https://airflow.example/review")
    return sandbox_server


def asked(*, at: datetime) -> Ask:
    group = ApproverGroup(
        asked=(person("manager1"),), deputies=(person("deputy1"),), all_usernames=("manager1", "deputy1")
    )
    due = ApprovalDue.after(at, DEADLINES)
    return Ask(
        plan=plan_of(request()),
        plan_hash="0" * 64,
        attempt=1,
        group=group,
        due=due,
        next_due_at=due.reminder_at,
        subject="s",
        markdown="m",
    )


def take_down_plan(request_id: str) -> DecommissionPlan:
    take_down = TakeDown(
        request_id=request_id,
        attempt=1,
        slug="spring",
        event_plan_hash="0" * 64,
        event_name="Spring Summit",
        starts_at=NOW.isoformat(),
        ends_at=NOW.isoformat(),
        namespace="event-spring",
        schema="event_spring",
        api_url="https://platform.example/events/spring",
        metrics_url="https://platform.example/events/spring/metrics",
        reason="over",
        grace_days=30,
    )
    return DecommissionPlan(
        take_down=take_down,
        plan_hash=take_down.hash,
        tables=(),
        restorable_until=NOW + timedelta(days=30),
        subject="s",
        markdown="m",
    )


def in_try(number: int) -> Any:
    return {"ti": SimpleNamespace(try_number=number), "run_id": "run1"}


def subjects(server: SandboxServer, name: str) -> list[str]:
    return [mail["subject"].partition(":")[0] for mail in server.mails(f"{name}@example.com")]


def test_a_second_try_says_that_an_earlier_answer_is_needed_again(
    ops: psycopg.Connection[Any], request_id: str, server: SandboxServer
) -> None:
    ask = asked(at=datetime.now(UTC))
    for number in (1, 1, 2, 2, 3):
        notify_approvers(ops, in_try(number), ask, kind="asked", request_id=request_id)
    assert sorted(subjects(server, "manager1")) == [
        "Please decide",
        "Please decide once more",
        "Please decide once more",
    ]
    assert subjects(server, "deputy1") == []
    assert any("could not be taken" in mail["html"] for mail in server.mails("manager1@example.com"))


def test_deputies_who_had_been_asked_are_asked_again_too(
    ops: psycopg.Connection[Any], request_id: str, server: SandboxServer
) -> None:
    ask = asked(at=datetime.now(UTC) - timedelta(seconds=150))
    notify_approvers(ops, in_try(2), ask, kind="asked", request_id=request_id)
    assert subjects(server, "deputy1") == ["Please decide once more"]


def test_reminders_are_sent_once_over_all_tries(
    ops: psycopg.Connection[Any], request_id: str, server: SandboxServer
) -> None:
    ask = asked(at=datetime.now(UTC))
    for number in (1, 2):
        notify_approvers(ops, in_try(number), ask, kind="reminder", request_id=request_id)
    assert subjects(server, "manager1") == ["Still waiting for you"]


def test_taking_down_is_asked_about_again_in_a_second_try(
    ops: psycopg.Connection[Any], request_id: str, server: SandboxServer
) -> None:
    plan = take_down_plan(request_id)
    for number in (1, 1, 2, 2):
        notify_about_take_down(ops, in_try(number), plan, [person("manager1")], asked_by="operator1")
    assert sorted(subjects(server, "manager1")) == ["Please decide", "Please decide once more"]
