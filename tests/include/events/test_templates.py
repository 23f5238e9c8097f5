"""Matching with past events, and saying why."""

from datetime import UTC, datetime, timedelta
from typing import Any

from include.events.catalogue import TemplateSettings
from include.events.request import Event
from include.events.templates import PastEvent, match_template

STARTS_AT = datetime(2030, 5, 1, tzinfo=UTC)
DEFAULT = TemplateSettings(
    access_policy={"entry_method": "qr_code", "entries_per_gate_per_minute": 20},
    notification_settings={"channels": ["email"]},
)
EVENT = Event(
    name="Seoul Spring Summit 2030",
    venue="COEX Hall B",
    starts_at=STARTS_AT,
    ends_at=STARTS_AT + timedelta(hours=8),
    expected_attendees=250,
    gates=4,
)


def past(**values: Any) -> PastEvent:
    defaults: dict[str, Any] = {
        "event_id": "1",
        "name": "Seoul Spring Summit 2029",
        "event_type": "conference",
        "venue": "COEX Hall B",
        "attendees": 240,
        "starts_at": STARTS_AT - timedelta(days=365),
        "outcome": "completed",
        "access_policy": {"entry_method": "nfc"},
        "notification_settings": {"channels": ["email", "sms"]},
    }
    return PastEvent(**defaults | values)


def match(*past_events: PastEvent) -> Any:
    return match_template(EVENT, event_type="conference", past_events=past_events, default=DEFAULT)


def test_takes_the_settings_of_the_most_similar_event_and_says_why() -> None:
    found = match(past(event_id="7"), past(event_id="8", name="Autumn Fair", venue="Elsewhere", attendees=4000))
    assert found.source == "7"
    assert found.settings.access_policy == {"entry_method": "nfc", "entries_per_gate_per_minute": 20}
    assert found.settings.notification_settings == {"channels": ["email", "sms"]}
    assert found.reason.startswith('matched "Seoul Spring Summit 2029" of 2029-05-01 because')
    assert "both are of type conference" in found.reason
    assert "their venues are the same" in found.reason
    assert "it had 240 attendees, this one expects 250" in found.reason


def test_the_latest_of_equals_wins() -> None:
    assert match(past(event_id="old"), past(event_id="new", starts_at=STARTS_AT - timedelta(days=30))).source == "new"


def test_no_match_is_the_documented_default() -> None:
    found = match(past(name="Rock Night", venue="Busan Arena", event_type="concert", attendees=9000))
    assert found.source is None
    assert found.settings == DEFAULT
    assert found.reason.startswith("default template: no past event is similar enough")


def test_nothing_is_learnt_from_events_that_failed_or_from_no_events() -> None:
    assert match(past(outcome="cancelled")).source is None
    assert match().source is None


def test_same_type_and_size_alone_are_not_alike() -> None:
    assert match(past(name="Quarterly Review", venue="Busan Arena", attendees=250)).source is None


def test_a_past_setting_of_another_type_does_not_replace_the_default() -> None:
    found = match(past(access_policy={"entries_per_gate_per_minute": "many", "colour": "red"}))
    assert found.settings.access_policy["entries_per_gate_per_minute"] == 20
    assert found.settings.access_policy["colour"] == "red"
