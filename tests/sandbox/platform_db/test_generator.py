"""The invented years: the same for the same arguments, as many rows as asked for, and free of contradictions."""

from collections import Counter
from datetime import date, datetime, time
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.platform_db.generator import KOREA, Entry, Event, Participant, World, generate
from sandbox.platform_db.profiles import PROFILES, VENUES

UNTIL = date(2026, 3, 1)


def rows_of(world: World) -> list[tuple[object, ...]]:
    """Make every row of a small world."""
    made: list[tuple[object, ...]] = [(customer,) for customer in world.customers]
    for event in world.events:
        made.append((event,))
        made.extend(world.participants(event))
        made.extend(world.entries(event))
    return made


@pytest.fixture(scope="module")
def world() -> World:
    """A world of a few thousand rows."""
    return generate(rows=6_000, seed=1, until=UNTIL)


@pytest.fixture(scope="module")
def guests(world: World) -> dict[int, list[Participant]]:
    """The participants of each event."""
    return {event.event_id: list(world.participants(event)) for event in world.events}


@pytest.fixture(scope="module")
def entries(world: World) -> dict[int, list[Entry]]:
    """The entries of each event."""
    return {event.event_id: list(world.entries(event)) for event in world.events}


def test_the_same_arguments_give_the_same_rows(world: World) -> None:
    assert rows_of(generate(rows=6_000, seed=1, until=UNTIL)) == rows_of(world)


def test_another_seed_gives_other_rows(world: World) -> None:
    assert rows_of(generate(rows=6_000, seed=2, until=UNTIL)) != rows_of(world)


@settings(max_examples=15, deadline=None)
@given(rows=st.integers(min_value=3_000, max_value=20_000), seed=st.integers(min_value=0, max_value=10_000))
def test_there_are_about_as_many_rows_as_asked_for(rows: int, seed: int) -> None:
    world = generate(rows=rows, seed=seed, until=UNTIL)

    made = len(rows_of(world)) + len(VENUES) + sum(event.gate_count for event in world.events)

    assert made == pytest.approx(rows, rel=0.05)


def test_an_event_fits_its_house_and_its_time(world: World) -> None:
    today = datetime.combine(UNTIL, time(0), KOREA)
    for event in world.events:
        venue = VENUES[event.series.venue_id - 1]
        assert event.participants <= event.expected_attendees <= venue.capacity
        assert 1 <= event.gate_count <= venue.max_gates
        assert event.created_at < event.starts_at < event.ends_at
        assert (event.status == "planned") == (event.starts_at >= today)


def test_participants_register_once_and_in_time(world: World, guests: dict[int, list[Participant]]) -> None:
    numbers = [guest.participant_id for event in world.events for guest in guests[event.event_id]]
    assert numbers == list(range(1, len(numbers) + 1))
    for event in world.events:
        assert len({guest.email for guest in guests[event.event_id]}) == event.participants
        assert all(event.created_at <= guest.registered_at < event.starts_at for guest in guests[event.event_id])


def test_only_who_checked_in_is_admitted(
    world: World, guests: dict[int, list[Participant]], entries: dict[int, list[Entry]]
) -> None:
    for event in world.events:
        admitted = Counter(entry.participant_id for entry in entries[event.event_id] if entry.outcome == "admitted")
        checked_in = {guest.participant_id for guest in guests[event.event_id] if guest.status == "checked_in"}
        assert set(admitted) == checked_in
        if not event.series.access_policy["re_entry"]:
            assert set(admitted.values()) <= {1}


def test_entries_use_the_gates_of_their_event(world: World, entries: dict[int, list[Entry]]) -> None:
    for event in world.events:
        gates = range(event.first_gate_id, event.first_gate_id + event.gate_count)
        assert all(entry.gate_id in gates for entry in entries[event.event_id])


def test_names_are_told_apart(world: World) -> None:
    names = Counter(event.name for event in world.events if event.series.profile.event_type != "wedding")
    assert set(names.values()) == {1}


@pytest.fixture(scope="module")
def many_events() -> tuple[Event, ...]:
    """Enough events to see the seasons in them; their participants are never made."""
    return generate(rows=800_000, seed=1, until=UNTIL).events


def test_the_year_has_seasons_and_the_week_has_days(many_events: tuple[Event, ...]) -> None:
    months = Counter(event.starts_at.month for event in many_events)
    weddings = Counter(
        event.starts_at.weekday() for event in many_events if event.series.profile.event_type == "wedding"
    )

    assert months[5] + months[10] > 1.5 * (months[1] + months[2])
    assert weddings[5] + weddings[6] > 0.8 * weddings.total()


def test_business_grows(many_events: tuple[Event, ...]) -> None:
    past = [event for event in many_events if event.status != "planned"]
    middle = date(2024, 3, 1)

    assert sum(event.starts_at.date() >= middle for event in past) > 0.53 * len(past)


def test_every_kind_size_and_outcome_is_there(many_events: tuple[Event, ...]) -> None:
    assert {event.series.profile.event_type for event in many_events} == {profile.event_type for profile in PROFILES}
    assert {event.status for event in many_events} == {"completed", "cancelled", "planned"}
    assert min(event.expected_attendees for event in many_events) <= 100
    assert max(event.expected_attendees for event in many_events) >= 500


def test_the_past_gives_templates(many_events: tuple[Event, ...]) -> None:
    """Settings have the keys and types of the default template; otherwise nothing could be learnt from them."""
    for event in islice(many_events, 50):
        policy, notification = event.series.access_policy, event.series.notification_settings
        assert {key: type(value) for key, value in policy.items()} == {
            "entry_method": str,
            "re_entry": bool,
            "opens_minutes_before": int,
            "entries_per_gate_per_minute": int,
            "id_check": bool,
        }
        assert {key: type(value) for key, value in notification.items()} == {
            "channels": list,
            "remind_hours_before": list,
            "alert_at_capacity_percent": int,
        }
