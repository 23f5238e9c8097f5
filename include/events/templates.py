"""Finding the past event that a new one resembles most, and saying why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from include.events.catalogue import TemplateSettings
from include.events.classify import OTHER_TYPE
from include.events.request import Event
from include.events.similarity import similarity

# What makes events alike for the people at the gates: the kind first, then that it is the same series (name), the same
# house, the same size. They add up to 1.
TYPE_WEIGHT = 0.35
NAME_WEIGHT = 0.30
VENUE_WEIGHT = 0.20
SIZE_WEIGHT = 0.15
# Same kind and size alone give 0.5: without a like name or the same house there is nothing to learn from.
MATCH_FROM = 0.55
WORTH_SAYING = 0.3
SUCCESSFUL_OUTCOME = "completed"


@dataclass(frozen=True, kw_only=True)
class PastEvent:
    """An event that took place, with the settings that it had."""

    event_id: str
    name: str
    event_type: str
    venue: str
    attendees: int
    starts_at: datetime
    outcome: str
    access_policy: Mapping[str, Any]
    notification_settings: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Match:
    """The settings for a new event and where they come from; `source` is None for the default template."""

    source: str | None
    score: float
    reason: str
    settings: TemplateSettings


def match_template(
    event: Event, *, event_type: str, past_events: Iterable[PastEvent], default: TemplateSettings
) -> Match:
    """Return the settings of the most similar successful past event (the latest of equals), or the default."""
    scored = [
        (_score(event, event_type, past), past.starts_at, past)
        for past in past_events
        if past.outcome == SUCCESSFUL_OUTCOME
    ]
    best = max(scored, key=lambda entry: entry[:2], default=None)
    if best is None or best[0] < MATCH_FROM:
        nearest = f'; the nearest, "{best[2].name}", reaches {best[0]:.2f}' if best else ""
        return Match(
            source=None,
            score=best[0] if best else 0.0,
            reason=f"default template: no past event is similar enough ({MATCH_FROM} of 1 is needed){nearest}",
            settings=default,
        )
    score, _, past = best
    return Match(
        source=past.event_id,
        score=round(score, 4),
        reason=_reason(event, event_type, past, score),
        settings=TemplateSettings(
            access_policy=_applied(default.access_policy, past.access_policy),
            notification_settings=_applied(default.notification_settings, past.notification_settings),
        ),
    )


def _applied(default: Mapping[str, Any], past: Mapping[str, Any]) -> dict[str, Any]:
    """Put the past settings over the default; one that is unknown there or of another type keeps its default."""
    usable = {key: value for key, value in past.items() if key not in default or type(value) is type(default[key])}
    return {**default, **usable}


def _score(event: Event, event_type: str, past: PastEvent) -> float:
    same_type = event_type == past.event_type and event_type != OTHER_TYPE
    return (
        TYPE_WEIGHT * same_type
        + NAME_WEIGHT * similarity(event.name, past.name)
        + VENUE_WEIGHT * similarity(event.venue, past.venue)
        + SIZE_WEIGHT * _size_ratio(event.expected_attendees, past.attendees)
    )


def _size_ratio(one: int, other: int) -> float:
    return min(one, other) / max(one, other, 1)


def _reason(event: Event, event_type: str, past: PastEvent, score: float) -> str:
    points = []
    if event_type == past.event_type and event_type != OTHER_TYPE:
        points.append(f"both are of type {event_type}")
    for noun, alike in (("names", similarity(event.name, past.name)), ("venues", similarity(event.venue, past.venue))):
        if alike >= WORTH_SAYING:
            points.append(f"their {noun} are " + ("the same" if alike == 1 else f"{alike:.0%} alike"))
    points.append(f"it had {past.attendees} attendees, this one expects {event.expected_attendees}")
    return f'matched "{past.name}" of {past.starts_at:%Y-%m-%d} because ' + ", ".join(points) + f" (score {score:.2f})"
