"""Whether an answer counts, checked again after it was given: rosters and identities may have changed meanwhile."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from include.approvals.roster import Requester, Roster

APPROVE = "Approve"
REJECT = "Reject"


class Outcome(StrEnum):
    """What became of the question."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    NOT_ALLOWED = "not_allowed"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The outcome, by whom (None: nobody or the rules themselves) and why."""

    outcome: Outcome
    by: str | None
    reason: str


def check_decision(
    roster: Roster,
    *,
    tier: str,
    requester: Requester,
    responded_by: str | None,
    chosen: Collection[str],
    at: datetime,
) -> Decision:
    """Judge an answer to the question about an event of tier "medium" or "large".

    `responded_by` is the user name that Airflow authenticated, None when the time ran out: that is no person's no.
    """
    if responded_by is None:
        return Decision(outcome=Outcome.EXPIRED, by=None, reason="nobody answered in time")
    person = roster.find(responded_by)
    if person is None:
        return _not_allowed(responded_by, "is not on the roster of approvers")
    if requester.is_person(person):
        return _not_allowed(responded_by, "is the requester and may not decide about the own request")
    if not person.may_decide(tier):
        return _not_allowed(responded_by, f"({', '.join(person.ranks)}) may not decide about {tier} events")
    if person.is_absent(at):
        return _not_allowed(responded_by, "is on record as absent; the deputy decides")
    if list(chosen) == [APPROVE]:
        return Decision(
            outcome=Outcome.APPROVED, by=person.username, reason=f"{person.name} ({', '.join(person.ranks)}) approved"
        )
    if list(chosen) == [REJECT]:
        return Decision(
            outcome=Outcome.REJECTED, by=person.username, reason=f"{person.name} ({', '.join(person.ranks)}) rejected"
        )
    return _not_allowed(responded_by, f"chose neither {APPROVE} nor {REJECT}")


def _not_allowed(username: str, why: str) -> Decision:
    return Decision(outcome=Outcome.NOT_ALLOWED, by=username, reason=f"{username} {why}")
