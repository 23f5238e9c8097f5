"""Reminder, deputies, expiry: offsets from the question."""

from datetime import UTC, datetime, timedelta

import pytest

from include.approvals.deadlines import Action, ApprovalDue, Deadlines, due_actions

ASKED_AT = datetime(2030, 5, 1, tzinfo=UTC)
DUE = ApprovalDue.after(ASKED_AT, Deadlines(reminder_seconds=14400, deputy_seconds=43200, expiry_seconds=86400))


@pytest.mark.parametrize(
    ("hours", "done", "expected"),
    [
        (3, [], ()),
        (4, [], (Action.REMINDER,)),
        (11, ["reminder"], ()),
        (12, ["reminder"], (Action.DEPUTY,)),
        (13, [], (Action.REMINDER, Action.DEPUTY)),
        (23, ["reminder", "deputy"], ()),
        (24, [], (Action.EXPIRY,)),
        (99, ["reminder", "deputy"], (Action.EXPIRY,)),
        (99, ["reminder", "deputy", "expiry"], ()),
    ],
)
def test_what_is_due(hours: int, done: list[str], expected: tuple[Action, ...]) -> None:
    assert due_actions(DUE, done=done, now=ASKED_AT + timedelta(hours=hours)) == expected


@pytest.mark.parametrize(("hours", "next_hours"), [(0, 4), (4, 12), (12, 24), (30, 24)])
def test_what_comes_next(hours: int, next_hours: int) -> None:
    assert DUE.next_after(ASKED_AT + timedelta(hours=hours)) == ASKED_AT + timedelta(hours=next_hours)


def test_survives_the_database() -> None:
    assert ApprovalDue.from_dict(DUE.to_dict()) == DUE
