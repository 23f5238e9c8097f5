"""The roster of approvers: who is asked about a request at a given time, and who may answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import yaml
from msgspec import Struct

from include.approvals.errors import InvalidRoster, NoApprover

ROSTER_ZONE = ZoneInfo("Asia/Seoul")


class Rank(StrEnum):
    """What a person may decide about."""

    MANAGER = "manager"
    EXECUTIVE = "executive"


# Which ranks may decide about an event of a tier; the first is asked, the others outrank it.
RANKS_FOR_TIER: dict[str, tuple[Rank, ...]] = {
    "medium": (Rank.MANAGER, Rank.EXECUTIVE),
    "large": (Rank.EXECUTIVE,),
}


class Absence(Struct, frozen=True, forbid_unknown_fields=True):
    """Days on which a person is away, both included."""

    first_day: date
    last_day: date


class Approver(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A person who may decide."""

    username: str
    name: str
    email: str
    phone: str
    slack_id: str
    ranks: tuple[Rank, ...]
    language: Literal["ko", "en"] = "ko"
    deputy: str | None = None
    absences: tuple[Absence, ...] = ()

    def is_absent(self, at: datetime) -> bool:
        """Tell whether the person is away on that day in Korea."""
        day = at.astimezone(ROSTER_ZONE).date()
        return any(absence.first_day <= day <= absence.last_day for absence in self.absences)

    def may_decide(self, tier: str) -> bool:
        """Tell whether the person's rank is high enough."""
        return any(rank in self.ranks for rank in RANKS_FOR_TIER[tier])


class Roster(Struct, frozen=True, forbid_unknown_fields=True):
    """Everybody who may decide."""

    people: tuple[Approver, ...]

    def find(self, username: str) -> Approver | None:
        """Return the person with a user name, whatever its case; Airflow's log-in does not tell cases apart either."""
        return next((person for person in self.people if _same(person.username, username)), None)


@dataclass(frozen=True, kw_only=True)
class Requester:
    """Who asks: the authenticated identity ("user:<name>" or "customer:<id>") and every address that is theirs."""

    identity: str
    emails: Collection[str] = ()
    phone: str | None = None

    def is_person(self, person: Approver) -> bool:
        """Tell whether the requester is this approver, by user name, mailbox or telephone."""
        kind, _, name = self.identity.partition(":")
        if kind == "user" and _same(name, person.username):
            return True
        if self.phone is not None and self.phone == person.phone:
            return True
        return any(_mailbox(email) == _mailbox(person.email) for email in self.emails)


@dataclass(frozen=True, kw_only=True)
class ApproverGroup:
    """Who is asked first, who in addition after a while, and all who may answer from the start."""

    asked: tuple[Approver, ...]
    deputies: tuple[Approver, ...]
    all_usernames: tuple[str, ...]


def load_roster(path: Path) -> Roster:
    """Read and check the roster. Raises InvalidRoster; a watcher then keeps the roster it has."""
    try:
        roster = msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Roster)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise InvalidRoster(f"{path}: {error}") from error
    problems = _problems(roster)
    if problems:
        raise InvalidRoster(f"{path}: {'; '.join(problems)}")
    return roster


def approvers_for(roster: Roster, tier: str, *, requester: Requester, at: datetime) -> ApproverGroup:
    """Return who decides about an event of tier "medium" or "large" at a time.

    The requester and those who are away are left out; for somebody away the deputy is asked. When nobody of the rank is
    left, the higher rank is asked. Raises NoApprover when nobody at all is left.
    """
    may_answer = [person for person in roster.people if _may_answer(person, tier, requester=requester, at=at)]
    for rank in RANKS_FOR_TIER[tier]:
        of_rank = [person for person in roster.people if rank in person.ranks and not requester.is_person(person)]
        asked = _unique(
            person if not person.is_absent(at) else _deputy_of(roster, person, among=may_answer) for person in of_rank
        )
        if asked:
            deputies = _unique(_deputy_of(roster, person, among=may_answer) for person in asked)
            return ApproverGroup(
                asked=asked,
                deputies=tuple(person for person in deputies if person not in asked),
                all_usernames=tuple(person.username for person in may_answer),
            )
    raise NoApprover(f"nobody on the roster may decide about a {tier} event now: all are absent or the requester")


def _may_answer(person: Approver, tier: str, *, requester: Requester, at: datetime) -> bool:
    return person.may_decide(tier) and not person.is_absent(at) and not requester.is_person(person)


def _deputy_of(roster: Roster, person: Approver, *, among: Collection[Approver]) -> Approver | None:
    deputy = roster.find(person.deputy) if person.deputy else None
    return deputy if deputy in among else None


def _unique(people: Iterable[Approver | None]) -> tuple[Approver, ...]:
    found: list[Approver] = []
    for person in people:
        if person is not None and person not in found:
            found.append(person)
    return tuple(found)


def _problems(roster: Roster) -> list[str]:
    """Return what msgspec's types cannot say about a roster."""
    problems = [f"{what} {value!r} is given twice" for what, value in _doubles(roster)]
    for person in roster.people:
        if not person.ranks:
            problems.append(f"{person.username} has no rank")
        if any(absence.last_day < absence.first_day for absence in person.absences):
            problems.append(f"an absence of {person.username} ends before it begins")
        if person.deputy is None:
            continue
        deputy = roster.find(person.deputy)
        if deputy is None or deputy is person:
            problems.append(f"the deputy of {person.username} is nobody else on the roster")
        elif any(not deputy.may_decide(tier) for tier in RANKS_FOR_TIER if person.may_decide(tier)):
            problems.append(f"the deputy of {person.username} has no rank that is high enough")
    return problems


def _doubles(roster: Roster) -> list[tuple[str, str]]:
    doubles: list[tuple[str, str]] = []
    for what, values in (
        ("user name", [person.username.casefold() for person in roster.people]),
        ("e-mail address", [_mailbox(person.email) for person in roster.people]),
    ):
        doubles += [(what, value) for value in sorted(set(values)) if values.count(value) > 1]
    return doubles


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _mailbox(email: str) -> str:
    """Return the mailbox that an address is delivered to: case and what follows a "+" do not change it."""
    local, _, domain = email.casefold().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
