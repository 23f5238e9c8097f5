"""Who may decide about taking an event down: a manager or above, neither who wants it nor who asked for the event."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from include.approvals.decision import Outcome
from include.approvals.errors import NoApprover
from include.approvals.roster import Approver, Rank, Roster
from include.events import decommission_approval as approval
from include.events.errors import PlanChanged
from include.events.world import World
from tests.support.decommissioning import GRACE_DAYS, REASON, LiveEvent, make_live_event
from tests.support.events import Outside, row_of

NOW = datetime.now(UTC)


def person(username: str, *ranks: Rank, deputy: str | None = None) -> Approver:
    return Approver(
        username=username,
        name=username.title(),
        email=f"{username}@platform-ops.example",
        phone="+82101234000" + username[-1],
        slack_id=f"U{username}",
        ranks=ranks,
        language="en",
        deputy=deputy,
    )


MANAGER1 = person("manager1", Rank.MANAGER, deputy="executive1")
MANAGER2 = person("manager2", Rank.MANAGER, deputy="manager1")
EXECUTIVE1 = person("executive1", Rank.EXECUTIVE)
REQUESTER1 = person("requester1", Rank.MANAGER)  # who asked for the event, and manages too
ROSTER = Roster(people=(MANAGER1, MANAGER2, EXECUTIVE1, REQUESTER1))


@pytest.fixture
def event(world: World, outside: Outside, tmp_path: Path) -> LiveEvent:
    return make_live_event(world, outside, tmp_path / "archive", entries=0)


def conclude(event: LiveEvent, *, asked_by: str = "operator1", roster: Roster = ROSTER, **answer: Any) -> Outcome:
    return approval.conclude(
        event.world.ops,
        request_id=event.request_id,
        plan_hash=event.plan().plan_hash,
        reason=REASON,
        grace_days=GRACE_DAYS,
        asked_by=asked_by,
        answer=answer,
        roster=roster,
    ).outcome


def approved_by(event: LiveEvent) -> str | None:
    approved = row_of(event.world.ops, event.request_id)["result"].get("decommission") or {}
    return approved.get("approved_by")


def find(event: LiveEvent, asked_by: str, roster: Roster = ROSTER) -> tuple[set[str], set[str]]:
    group = approval.find_approvers(
        event.world.ops, request_id=event.request_id, asked_by=asked_by, roster=roster, at=NOW
    )
    return {one.username for one in group.asked}, set(group.all_usernames)


def test_managers_are_asked_and_executives_may_answer(event: LiveEvent) -> None:
    assert find(event, "operator1") == ({"manager1", "manager2"}, {"manager1", "manager2", "executive1"})


def test_neither_who_wants_it_nor_who_asked_for_the_event_is_asked(event: LiveEvent) -> None:
    assert find(event, "manager1") == ({"manager2"}, {"manager2", "executive1"})


def test_without_another_manager_an_executive_is_asked_and_without_anybody_nobody(event: LiveEvent) -> None:
    assert find(event, "manager1", Roster(people=(MANAGER1, EXECUTIVE1)))[0] == {"executive1"}
    with pytest.raises(NoApprover):
        find(event, "executive1", Roster(people=(EXECUTIVE1, REQUESTER1)))


@pytest.mark.parametrize("by", ["manager1", "executive1"])
def test_an_approval_is_kept_and_can_be_carried_out(event: LiveEvent, by: str) -> None:
    assert conclude(event, chosen="Approve", responded_by=by) is Outcome.APPROVED
    assert conclude(event, chosen="Approve", responded_by=by) is Outcome.APPROVED
    assert approved_by(event) == by
    event.archive()
    event.take_down(event.plan().plan_hash)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ({"chosen": "Reject", "responded_by": "manager1"}, Outcome.REJECTED),
        ({"chosen": "Approve", "responded_by": "operator1"}, Outcome.NOT_ALLOWED),
        ({"chosen": "Approve", "responded_by": "requester1"}, Outcome.NOT_ALLOWED),
        ({"chosen": "Approve", "responded_by": "MANAGER2"}, Outcome.NOT_ALLOWED),
        ({"chosen": "Approve", "responded_by": "stranger"}, Outcome.NOT_ALLOWED),
        ({"expired": True}, Outcome.EXPIRED),
    ],
)
def test_anything_else_leaves_the_event_as_it_is(event: LiveEvent, answer: dict[str, Any], outcome: Outcome) -> None:
    before = row_of(event.world.ops, event.request_id)
    assert conclude(event, asked_by="manager2", **answer) is outcome
    assert row_of(event.world.ops, event.request_id) == before
    event.archive()
    with pytest.raises(PlanChanged):
        event.take_down(event.plan().plan_hash)


@pytest.mark.parametrize("language", ["ko", "en"])
def test_people_are_told_what_they_decide_about(event: LiveEvent, language: str) -> None:
    person = Approver(
        username="m", name="M", email="m@example.com", phone="+1", slack_id="U1", ranks=(Rank.MANAGER,),
        language=language,  # type: ignore[arg-type]
    )  # fmt: skip
    plan = event.plan("<b>over</b> & *done*")
    message = approval.approval_message(plan, person, asked_by="operator1", review_url="http://x/y")
    assert "Spring Summit" in message.subject
    assert "http://x/y" in message.text
    assert "<b>over" not in message.html
    chat = approval.channel_message(plan, [person], asked_by="operator1", review_url="http://x/y")
    assert "<@U1>" in chat
    assert "<b>" not in chat
