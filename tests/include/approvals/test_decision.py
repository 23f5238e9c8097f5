"""Answers are judged again after they were given."""

from datetime import UTC, date, datetime

import pytest

from include.approvals.decision import Outcome, check_decision
from include.approvals.roster import Absence, Approver, Rank, Requester, Roster

AT = datetime(2030, 5, 1, 3, tzinfo=UTC)


def person(username: str, rank: Rank, *absences: Absence) -> Approver:
    return Approver(
        username=username,
        name=username.title(),
        email=f"{username}@example.com",
        phone="+821012345678",
        slack_id="U1",
        ranks=(rank,),
        absences=absences,
    )


ROSTER = Roster(
    people=(
        person("manager1", Rank.MANAGER),
        person("manager2", Rank.MANAGER, Absence(first_day=date(2030, 5, 1), last_day=date(2030, 5, 1))),
        person("executive1", Rank.EXECUTIVE),
    )
)
REQUESTER = Requester(identity="user:requester1", emails=("someone@example.com",))


@pytest.mark.parametrize(
    ("tier", "responded_by", "chosen", "outcome"),
    [
        ("medium", "manager1", ["Approve"], Outcome.APPROVED),
        ("medium", "MANAGER1", ["Approve"], Outcome.APPROVED),
        ("medium", "manager1", ["Reject"], Outcome.REJECTED),
        ("medium", "executive1", ["Approve"], Outcome.APPROVED),
        ("large", "executive1", ["Approve"], Outcome.APPROVED),
        ("large", "manager1", ["Approve"], Outcome.NOT_ALLOWED),
        ("medium", "manager2", ["Approve"], Outcome.NOT_ALLOWED),
        ("medium", "admin", ["Approve"], Outcome.NOT_ALLOWED),
        ("medium", "manager1", [], Outcome.NOT_ALLOWED),
        ("medium", "manager1", ["Approve", "Reject"], Outcome.NOT_ALLOWED),
        ("medium", None, [], Outcome.EXPIRED),
        ("medium", None, ["Reject"], Outcome.EXPIRED),
    ],
)
def test_outcome(tier: str, responded_by: str | None, chosen: list[str], outcome: Outcome) -> None:
    decision = check_decision(ROSTER, tier=tier, requester=REQUESTER, responded_by=responded_by, chosen=chosen, at=AT)
    assert decision.outcome is outcome
    assert decision.reason


@pytest.mark.parametrize(
    "requester",
    [
        Requester(identity="user:executive1"),
        Requester(identity="customer:acme", emails=("executive1@example.com",)),
    ],
)
def test_nobody_decides_about_the_own_request(requester: Requester) -> None:
    decision = check_decision(
        ROSTER, tier="large", requester=requester, responded_by="executive1", chosen=["Approve"], at=AT
    )
    assert decision.outcome is Outcome.NOT_ALLOWED
    assert "own request" in decision.reason
