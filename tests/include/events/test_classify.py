"""Type, size and urgency of an event, each with its reason."""

from datetime import UTC, datetime, timedelta

import pytest

from include.events.classify import Priority, Tier, classify
from include.events.request import Event

NOW = datetime(2030, 4, 1, tzinfo=UTC)


def event(name: str = "Gathering", *, attendees: int = 80, days: float = 30, kind: str | None = None) -> Event:
    starts_at = NOW + timedelta(days=days)
    return Event(
        name=name,
        venue="Hall",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=2),
        expected_attendees=attendees,
        gates=1,
        type=kind,
    )


@pytest.mark.parametrize(
    ("attendees", "tier"),
    [
        (1, Tier.SMALL),
        (100, Tier.SMALL),
        (101, Tier.MEDIUM),
        (499, Tier.MEDIUM),
        (500, Tier.LARGE),
        (100_000, Tier.LARGE),
    ],
)
def test_size_decides_the_tier(attendees: int, tier: Tier) -> None:
    classification = classify(event(attendees=attendees), now=NOW)
    assert classification.tier is tier
    assert classification.reasons[1].startswith(f"{tier}: {attendees} attendees")


@pytest.mark.parametrize(
    ("name", "kind", "event_type"),
    [
        ("Annual Summit", None, "conference"),
        ("Annual Summit", "콘서트", "concert"),
        ("서울 재즈 콘서트", None, "concert"),
        ("부산국제영화제", None, "festival"),
        ("Galaxy Affair", None, "other"),
        ("Gathering", "Trade Show", "exhibition"),
        ("Gathering", "conference", "conference"),
    ],
)
def test_words_decide_the_type(name: str, kind: str | None, event_type: str) -> None:
    assert classify(event(name, kind=kind), now=NOW).event_type == event_type


@pytest.mark.parametrize(
    ("days", "attendees", "priority"),
    [
        (1, 10, Priority.URGENT),
        (3, 10, Priority.URGENT),
        (14, 10, Priority.HIGH),
        (30, 10, Priority.NORMAL),
        (200, 10, Priority.LOW),
        (200, 900, Priority.HIGH),
    ],
)
def test_lead_time_and_size_decide_the_priority(days: float, attendees: int, priority: Priority) -> None:
    classification = classify(event(days=days, attendees=attendees), now=NOW)
    assert classification.priority is priority
    assert classification.reasons[2].startswith(priority)
