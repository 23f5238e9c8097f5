"""Who is asked, who may answer, and rosters that are refused."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.approvals.errors import InvalidRoster, NoApprover
from include.approvals.roster import Absence, Approver, Rank, Requester, Roster, approvers_for, load_roster
from include.settings import get_settings

AT = datetime(2030, 5, 1, 3, tzinfo=UTC)
AWAY = (Absence(first_day=date(2030, 5, 1), last_day=date(2030, 5, 3)),)
OTHER = Requester(identity="user:requester1", emails=("someone@example.com",))


def person(username: str, rank: Rank, **values: Any) -> Approver:
    defaults: dict[str, Any] = {
        "username": username,
        "name": username.title(),
        "email": f"{username}@example.com",
        "phone": f"+8210{abs(hash(username)) % 10**8:08}",
        "slack_id": f"U{username.upper()}",
        "ranks": (rank,),
        "deputy": None,
    }
    return Approver(**defaults | values)


def roster(**overrides: dict[str, Any]) -> Roster:
    return Roster(
        people=(
            person("m1", Rank.MANAGER, **{"deputy": "m2"} | overrides.get("m1", {})),
            person("m2", Rank.MANAGER, **{"deputy": "m1"} | overrides.get("m2", {})),
            person("m3", Rank.MANAGER, **{"deputy": None} | overrides.get("m3", {})),
            person("e1", Rank.EXECUTIVE, **{"deputy": "e2"} | overrides.get("e1", {})),
            person("e2", Rank.EXECUTIVE, **{"deputy": "e1"} | overrides.get("e2", {})),
        )
    )


def names(people: tuple[Approver, ...]) -> list[str]:
    return [approver.username for approver in people]


def test_managers_are_asked_and_executives_may_answer() -> None:
    group = approvers_for(roster(), "medium", requester=OTHER, at=AT)
    assert names(group.asked) == ["m1", "m2", "m3"]
    assert group.all_usernames == ("m1", "m2", "m3", "e1", "e2")


def test_only_executives_decide_about_large_events() -> None:
    group = approvers_for(roster(), "large", requester=OTHER, at=AT)
    assert names(group.asked) == ["e1", "e2"]
    assert group.all_usernames == ("e1", "e2")


@pytest.mark.parametrize(
    "requester",
    [
        Requester(identity="user:m1"),
        Requester(identity="user:M1"),
        Requester(identity="customer:acme", emails=("M1@Example.com",)),
        Requester(identity="user:somebody", emails=("x@example.com", "m1+events@example.com")),
        Requester(identity="customer:acme", phone=person("m1", Rank.MANAGER).phone),
    ],
)
def test_the_requester_is_never_asked_and_may_not_answer(requester: Requester) -> None:
    group = approvers_for(roster(), "medium", requester=requester, at=AT)
    assert "m1" not in names(group.asked)
    assert "m1" not in names(group.deputies)
    assert "m1" not in group.all_usernames


def test_a_customer_who_is_called_like_an_approver_is_somebody_else() -> None:
    assert "m1" in approvers_for(roster(), "medium", requester=Requester(identity="customer:m1"), at=AT).all_usernames


def test_the_deputy_of_an_absent_person_is_asked() -> None:
    people = roster(m1={"absences": AWAY, "deputy": "e1"}, m2={"deputy": None})
    group = approvers_for(people, "medium", requester=OTHER, at=AT)
    assert names(group.asked) == ["e1", "m2", "m3"]
    assert "m1" not in group.all_usernames


def test_an_absence_ends_in_korean_time() -> None:
    people = roster(m1={"absences": AWAY})
    last_evening = datetime(2030, 5, 3, 14, 59, tzinfo=UTC)
    midnight = datetime(2030, 5, 3, 15, 0, tzinfo=UTC)
    assert "m1" not in approvers_for(people, "medium", requester=OTHER, at=last_evening).all_usernames
    assert "m1" in approvers_for(people, "medium", requester=OTHER, at=midnight).all_usernames


def test_deputies_come_in_addition_later() -> None:
    people = roster(m1={"deputy": "e1"}, m2={"absences": AWAY}, m3={"absences": AWAY})
    group = approvers_for(people, "medium", requester=OTHER, at=AT)
    assert names(group.asked) == ["m1"]
    assert names(group.deputies) == ["e1"]


def test_executives_are_asked_when_no_manager_is_left() -> None:
    people = Roster(people=(person("m1", Rank.MANAGER), person("e1", Rank.EXECUTIVE)))
    assert names(approvers_for(people, "medium", requester=Requester(identity="user:m1"), at=AT).asked) == ["e1"]


def test_nobody_left_is_an_error() -> None:
    people = roster(e1={"absences": AWAY, "deputy": None}, e2={"absences": AWAY, "deputy": None})
    with pytest.raises(NoApprover, match="large"):
        approvers_for(people, "large", requester=OTHER, at=AT)


def test_the_projects_own_roster_is_valid() -> None:
    people = load_roster(get_settings().approvers_file)
    assert {approver.username for approver in people.people} == {"manager1", "manager2", "executive1", "executive2"}


def broken(change: Callable[[dict[str, Any]], object], tmp_path: Path) -> Path:
    document = yaml.safe_load(get_settings().approvers_file.read_text(encoding="utf-8"))
    change(document)
    path = tmp_path / "approvers.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda document: document["people"][0].update(ranks=[]), "has no rank"),
        (lambda document: document["people"][0].update(ranks=["king"]), "king"),
        (lambda document: document["people"][0].update(deputy="nobody"), "nobody else on the roster"),
        (lambda document: document["people"][0].update(deputy="manager1"), "nobody else on the roster"),
        (lambda document: document["people"][2].update(deputy="manager1"), "no rank that is high enough"),
        (lambda document: document["people"][1].update(username="MANAGER1"), "given twice"),
        (lambda document: document["people"][1].update(email="Manager1@platform-ops.example"), "given twice"),
        (lambda document: document["people"][0].update(surprise=1), "surprise"),
        (
            lambda document: document["people"][0].update(
                absences=[{"first_day": "2030-02-02", "last_day": "2030-02-01"}]
            ),
            "ends before it begins",
        ),
        (lambda document: document.pop("people"), "people"),
    ],
)
def test_a_broken_roster_is_refused(change: Callable[[dict[str, Any]], object], words: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRoster, match=words):
        load_roster(broken(change, tmp_path))


def test_a_missing_roster_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRoster):
        load_roster(tmp_path / "absent.yaml")
