"""The question and its answer, kept with the request."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from include.approvals import process
from include.approvals.deadlines import Deadlines
from include.approvals.decision import Decision, Outcome
from include.approvals.errors import ApprovalRequired, NoApprover
from include.approvals.roster import Absence, Approver, Rank, Roster
from include.events import intake
from include.events.errors import InvalidRequest, PlanChanged, StaleAttempt
from include.events.planning import PlannedEvent, plan_event
from include.events.world import World
from tests.support.events import NOW, plan, request_body, row_of

DEADLINES = Deadlines(reminder_seconds=60, deputy_seconds=120, expiry_seconds=180)


def person(username: str, rank: Rank, deputy: str | None = None, *absences: Absence) -> Approver:
    return Approver(
        username=username,
        name=username.title(),
        email=f"{username}@example.com",
        phone="+15005550006",
        slack_id="U1",
        ranks=(rank,),
        deputy=deputy,
        absences=absences,
    )


ROSTER = Roster(
    people=(
        person("manager1", Rank.MANAGER, "manager2"),
        person("manager2", Rank.MANAGER),
        person("executive1", Rank.EXECUTIVE),
    )
)


def planned(world: World, *, attendees: int = 250, requester: str = "requester1", **changes: Any) -> PlannedEvent:
    body = request_body(attendees=attendees)
    body["customer"] |= changes
    receipt = intake.receive(world.ops, body, identity=intake.Identity.user(requester), source="airflow", now=NOW)
    return plan(world, receipt.request_id)


def ask(world: World, event: PlannedEvent, *, at: datetime = NOW, roster: Roster = ROSTER) -> process.Ask:
    asked = process.ask(
        world.ops, request_id=event.plan.request_id, attempt=1, roster=roster, deadlines=DEADLINES, now=at
    )
    assert asked is not None
    return asked


def answer(world: World, event: PlannedEvent, **said: Any) -> Decision:
    return process.conclude(
        world.ops,
        request_id=event.plan.request_id,
        attempt=1,
        plan_hash=event.plan_hash,
        answer=said,
        roster=ROSTER,
    )


def kinds(world: World, event: PlannedEvent) -> list[str]:
    return [entry["kind"] for entry in row_of(world.ops, event.plan.request_id)["approvals"]]


def test_managers_are_asked_about_exactly_this_plan(world: World) -> None:
    event = planned(world)
    asked = ask(world, event)
    assert [approver.username for approver in asked.group.asked] == ["manager1", "manager2"]
    assert asked.next_due_at == NOW + timedelta(seconds=60)
    assert event.plan.namespace in asked.markdown
    row = row_of(world.ops, event.plan.request_id)
    assert row["status"] == "awaiting_approval"
    assert row["approvals"][0]["asked"] == ["manager1", "manager2"]
    assert set(row["approval_due"]) == {"asked_at", "reminder_at", "deputy_at", "expires_at"}


def test_asking_again_changes_nothing(world: World) -> None:
    event = planned(world)
    first = ask(world, event)
    again = ask(world, event, at=NOW + timedelta(seconds=70))
    assert again.due == first.due
    assert again.next_due_at == NOW + timedelta(seconds=120)
    assert kinds(world, event) == ["asked"]


def test_a_small_event_needs_nobody(world: World) -> None:
    event = planned(world, attendees=100)
    assert process.ask(world.ops, request_id=event.plan.request_id, attempt=1, roster=ROSTER) is None
    for _ in range(2):
        assert answer(world, event, automatic=True).outcome is Outcome.APPROVED
    assert kinds(world, event) == ["answer"]
    assert row_of(world.ops, event.plan.request_id)["status"] == "approved"


def test_a_medium_event_is_never_approved_automatically(world: World) -> None:
    event = planned(world, attendees=101)
    with pytest.raises(ApprovalRequired):
        answer(world, event, automatic=True)
    assert row_of(world.ops, event.plan.request_id)["status"] == "planned"


def test_reminder_deputies_expiry(world: World) -> None:
    event = planned(world)
    ask(world, event)
    request_id = event.plan.request_id

    def due(seconds: int) -> list[str]:
        found = process.due_actions(world.ops, request_id=request_id, now=NOW + timedelta(seconds=seconds))
        return [str(action) for action in found]

    assert due(10) == []
    assert due(60) == ["reminder"]
    assert process.record_action(world.ops, request_id=request_id, attempt=1, kind="reminder")
    assert not process.record_action(world.ops, request_id=request_id, attempt=1, kind="reminder")
    assert due(61) == []
    assert due(120) == ["deputy"]
    process.record_action(world.ops, request_id=request_id, attempt=1, kind="deputy")
    assert due(180) == ["expiry"]
    assert answer(world, event, expired=True).outcome is Outcome.EXPIRED
    assert kinds(world, event) == ["asked", "reminder", "deputy", "expired"]
    row = row_of(world.ops, request_id)
    assert (row["status"], row["result"]) == ("expired", {})
    assert due(999) == []
    assert intake.resume(world.ops, request_id=request_id, identity=intake.Identity.user("r"), now=NOW).attempt == 2


@pytest.mark.parametrize(
    ("said", "outcome", "status"),
    [
        ({"chosen": "Approve", "responded_by": "manager1"}, Outcome.APPROVED, "approved"),
        ({"chosen": "Approve", "responded_by": "executive1"}, Outcome.APPROVED, "approved"),
        ({"chosen": "Reject", "responded_by": "manager2"}, Outcome.REJECTED, "rejected"),
        ({"chosen": "Approve", "responded_by": "admin"}, Outcome.NOT_ALLOWED, "rejected"),
        ({"chosen": "Approve", "responded_by": None}, Outcome.EXPIRED, "expired"),
    ],
)
def test_an_answer_is_acted_on_once(world: World, said: dict[str, Any], outcome: Outcome, status: str) -> None:
    event = planned(world)
    ask(world, event)
    first = answer(world, event, **said, responded_at=datetime.now(UTC).isoformat())
    assert first.outcome is outcome
    assert answer(world, event, chosen="Approve", responded_by="executive1") == first
    row = row_of(world.ops, event.plan.request_id)
    assert row["status"] == status
    assert len(row["approvals"]) == 2


@pytest.mark.parametrize(
    ("requester", "changes"),
    [
        ("executive1", {}),
        ("somebody", {"email": "Executive1@Example.com"}),
        ("somebody", {"email": "executive1+show@example.com"}),
    ],
)
def test_nobody_approves_the_own_request(world: World, requester: str, changes: dict[str, str]) -> None:
    event = planned(world, requester=requester, **changes)
    assert "executive1" not in ask(world, event).group.all_usernames
    decision = answer(world, event, chosen="Approve", responded_by="executive1")
    assert decision.outcome is Outcome.NOT_ALLOWED
    assert row_of(world.ops, event.plan.request_id)["status"] == "rejected"
    # The answer did not count, so the question can be put again.
    request_id = event.plan.request_id
    assert intake.resume(world.ops, request_id=request_id, identity=intake.Identity.user("r"), now=NOW).attempt == 2


def test_an_approval_holds_for_the_plan_that_was_shown(world: World) -> None:
    event = planned(world)
    ask(world, event)
    with pytest.raises(PlanChanged):
        process.conclude(
            world.ops,
            request_id=event.plan.request_id,
            attempt=1,
            plan_hash="0" * 64,
            answer={"chosen": "Approve", "responded_by": "manager1"},
            roster=ROSTER,
        )
    assert row_of(world.ops, event.plan.request_id)["status"] == "awaiting_approval"


def test_a_plan_is_not_changed_once_it_was_asked_about(world: World) -> None:
    event = planned(world)
    ask(world, event)
    with pytest.raises(StaleAttempt):
        plan(world, event.plan.request_id)


def test_nobody_left_to_ask_changes_nothing(world: World) -> None:
    event = planned(world, attendees=900)
    away = Absence(first_day=date(2000, 1, 1), last_day=date(2100, 1, 1))
    with pytest.raises(NoApprover):
        ask(world, event, roster=Roster(people=(person("executive1", Rank.EXECUTIVE, None, away),)))
    assert row_of(world.ops, event.plan.request_id)["status"] == "planned"


def test_an_event_that_has_begun_meanwhile_is_invalid(world: World) -> None:
    body = request_body()
    intake.receive(world.ops, body, identity=intake.Identity.user("r"), source="api", now=NOW)
    with pytest.raises(InvalidRequest, match="in the past"):
        plan_event(
            world.ops,
            world.platform,
            request_id=body["request_id"],
            attempt=1,
            now=NOW + timedelta(days=3000),
            platform_url="http://x",
        )
    row = row_of(world.ops, body["request_id"])
    assert row["status"] == "invalid"
    assert row["error"]["faults"] == [{"path": "event.starts_at", "message": "is in the past"}]
