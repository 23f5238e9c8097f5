"""What kind of event it is, how big and how urgent; each with the reason, because people approve on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from include.events.request import Event


class Tier(StrEnum):
    """Size, and with it who approves: nobody, a manager, an executive."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class Priority(StrEnum):
    """How soon the event must be ready."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


MOST_SMALL = 100
FEWEST_LARGE = 500
URGENT_WITHIN = timedelta(days=3)
HIGH_WITHIN = timedelta(days=14)
LOW_BEYOND = timedelta(days=180)
OTHER_TYPE = "other"

# First hit wins, so the narrower words come first ("film festival" is a festival, "연극제" a festival of plays).
TYPE_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("wedding", ("wedding", "결혼", "웨딩")),
    ("festival", ("festival", "축제", "페스티벌", "페스타", "영화제", "연극제")),
    ("concert", ("concert", "콘서트", "공연", "음악회", "recital", "gig", "live show", "리사이틀")),
    ("exhibition", ("exhibition", "expo", "fair", "전시", "박람회", "엑스포", "trade show")),
    ("sports", ("sports", "marathon", "tournament", "match", "마라톤", "경기", "대회", "체육", "리그")),
    ("seminar", ("seminar", "workshop", "meetup", "lecture", "training", "세미나", "워크숍", "워크샵", "강연", "교육")),
    (
        "conference",
        ("conference", "summit", "symposium", "congress", "컨퍼런스", "콘퍼런스", "학회", "심포지엄"),
    ),
    ("corporate", ("corporate", "launch", "gala", "party", "anniversary", "창립", "기념식", "런칭", "송년", "시상식")),
)


@dataclass(frozen=True, kw_only=True)
class Classification:
    """The outcome, with one reason for each of the three in the order type, tier, priority."""

    event_type: str
    tier: Tier
    priority: Priority
    reasons: tuple[str, ...]


def classify(event: Event, *, now: datetime) -> Classification:
    """Classify an event by its words, its expected attendees and the time left until it starts."""
    event_type, type_reason = _event_type(event)
    tier, tier_reason = tier_of(event.expected_attendees)
    priority, priority_reason = _priority(event.starts_at - now, tier)
    return Classification(
        event_type=event_type, tier=tier, priority=priority, reasons=(type_reason, tier_reason, priority_reason)
    )


def tier_of(attendees: int) -> tuple[Tier, str]:
    """Return the tier for a number of people, and why."""
    if attendees <= MOST_SMALL:
        return Tier.SMALL, f"small: {attendees} attendees, at most {MOST_SMALL}, approved automatically"
    if attendees < FEWEST_LARGE:
        return (
            Tier.MEDIUM,
            f"medium: {attendees} attendees, from {MOST_SMALL + 1} to {FEWEST_LARGE - 1}, a manager approves",
        )
    return Tier.LARGE, f"large: {attendees} attendees, at least {FEWEST_LARGE}, an executive approves"


def _event_type(event: Event) -> tuple[str, str]:
    # What the customer says comes before what the name sounds like; notes are too long to guess from.
    for source, text in (("type", event.type), ("name", event.name)):
        if text and (hit := _type_in(text)):
            event_type, word = hit
            return event_type, f'{event_type}: the {source} says "{word}"'
    return OTHER_TYPE, f"{OTHER_TYPE}: neither type nor name says what kind of event it is"


def _type_in(text: str) -> tuple[str, str] | None:
    folded = text.casefold()
    for event_type, words in TYPE_WORDS:
        for word in (event_type, *words):
            if _says(folded, word):
                return event_type, word
    return None


def _says(folded: str, word: str) -> bool:
    """Look for a word: Korean ones also inside compounds, Latin ones alone ("gala" is not in "galaxy")."""
    if not word.isascii():
        return word in folded
    return re.search(rf"\b{re.escape(word)}s?\b", folded) is not None


def _priority(lead_time: timedelta, tier: Tier) -> tuple[Priority, str]:
    days = max(lead_time.days, 0)
    if lead_time <= URGENT_WITHIN:
        return Priority.URGENT, f"urgent: starts in {days} days, within {URGENT_WITHIN.days}"
    if lead_time <= HIGH_WITHIN:
        return Priority.HIGH, f"high: starts in {days} days, within {HIGH_WITHIN.days}"
    if tier is Tier.LARGE:
        return Priority.HIGH, "high: large events need more preparation"
    if lead_time > LOW_BEYOND:
        return Priority.LOW, f"low: starts in {days} days, more than {LOW_BEYOND.days} away"
    return Priority.NORMAL, f"normal: starts in {days} days"
