"""The events platform's last four years, invented: the same arguments give the same rows.

Everything random comes from generators seeded with the seed and what is being made, so that participants and entry logs
of an event can be made again without keeping them: memory stays flat whatever the number of rows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sandbox.platform_db.names import MAIL_DOMAINS, organisation, person
from sandbox.platform_db.profiles import PROFILES, SEASONS, VENUES, Profile

KOREA = ZoneInfo("Asia/Seoul")
YEARS = 4
PLANNED_DAYS = 60
GROWTH_PER_YEAR = 1.12
CANCELLED_SHARE = 0.05
RE_ENTRY_SHARE = 0.08
REFUSED_SHARE = 0.015
ATTENDEES_PER_GATE = 120
SMALLEST_EVENT = 12
SHOWN_UP = (0.8, 0.95)
# Measured over many seeds, to choose the number of series.
ROWS_PER_PARTICIPANT = 1.86
PARTICIPANTS_PER_EVENT = 200
CUSTOMERS_PER_SERIES = 0.6
EVENTS_PER_SERIES = 5


@dataclass(frozen=True, kw_only=True)
class Customer:
    """Who orders events."""

    customer_id: int
    name: str
    kind: str
    email: str
    phone: str
    language: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Series:
    """What one customer does again and again: the reason why a past event can be a template."""

    customer: Customer
    profile: Profile
    title: tuple[str, str]
    venue_id: int
    size: int
    access_policy: dict[str, Any]
    notification_settings: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event with the number of its participants and the id of the first of them and of its gates."""

    event_id: int
    series: Series
    name: str
    status: str
    expected_attendees: int
    gate_count: int
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    participants: int
    first_participant_id: int
    first_gate_id: int


class Participant(NamedTuple):
    """A row of `participants`."""

    participant_id: int
    event_id: int
    name: str
    email: str
    status: str
    registered_at: datetime


class Entry(NamedTuple):
    """A row of `entry_logs` without its id, which is given in the order of loading."""

    event_id: int
    gate_id: int
    participant_id: int
    outcome: str
    entered_at: datetime


@dataclass(frozen=True, kw_only=True)
class World:
    """All customers and events; participants and entries are made on demand."""

    seed: int
    customers: tuple[Customer, ...]
    events: tuple[Event, ...]

    def participants(self, event: Event) -> Iterator[Participant]:
        """Make the participants of an event."""
        rng = _rng(self.seed, "participants", event.event_id)
        shown_up = rng.uniform(*SHOWN_UP)
        until_start = (event.starts_at - event.created_at).total_seconds()
        for number in range(event.participants):
            who = person(rng)
            email = f"{who.mailbox}.{number}{rng.randrange(100):02d}@{rng.choice(MAIL_DOMAINS)}"
            # Most register early or in the last days: the arcsine law has this shape.
            waited = until_start * rng.betavariate(0.5, 0.6) * 0.98
            yield Participant(
                event.first_participant_id + number,
                event.event_id,
                who.name,
                email,
                _participant_status(rng, event.status, shown_up),
                event.created_at + timedelta(seconds=int(waited)),
            )

    def entries(self, event: Event) -> Iterator[Entry]:
        """Make the entry logs of an event: nobody comes twice through without `re_entry`, some are refused at first."""
        rng = _rng(self.seed, "entries", event.event_id)
        may_return = event.series.access_policy["re_entry"]
        opens = event.starts_at - timedelta(minutes=event.series.access_policy["opens_minutes_before"])
        rush = (event.starts_at - opens).total_seconds()
        stay = (event.ends_at - event.starts_at).total_seconds()
        for guest in self.participants(event):
            if guest.status != "checked_in":
                continue
            # The rush is shortly before the start; a few come late.
            at = opens + timedelta(seconds=int(min(max(rng.gauss(0.72, 0.25), 0.0), 1.5) * rush))
            gate_id = event.first_gate_id + rng.randrange(event.gate_count)
            if rng.random() < REFUSED_SHARE:
                yield Entry(event.event_id, gate_id, guest.participant_id, "refused", at - timedelta(seconds=40))
            yield Entry(event.event_id, gate_id, guest.participant_id, "admitted", at)
            if may_return and rng.random() < RE_ENTRY_SHARE:
                back_at = at + timedelta(seconds=int(rng.uniform(0.2, 0.7) * stay))
                yield Entry(event.event_id, gate_id, guest.participant_id, "admitted", back_at)


def generate(*, rows: int, seed: int, until: date) -> World:
    """Invent about `rows` rows over all tables, from four years before `until` to `PLANNED_DAYS` after it."""
    rng = _rng(seed, "world")
    series = _series(rng, rows, until)
    drafts = sorted(_drafts(rng, series, rows, until), key=lambda draft: draft.starts_at)
    return World(
        seed=seed,
        customers=tuple({one.customer.customer_id: one.customer for one in series}.values()),
        events=tuple(_numbered(drafts)),
    )


def _rng(*parts: object) -> Random:
    return Random("/".join(map(str, parts)))


def _participant_status(rng: Random, event_status: str, shown_up: float) -> str:
    luck = rng.random()
    if event_status == "cancelled":
        return "cancelled"
    if event_status == "planned":
        return "confirmed" if luck < 0.6 else "registered"
    if luck < shown_up:
        return "checked_in"
    return "no_show" if luck < shown_up + (1 - shown_up) * 0.6 else "cancelled"


def _series(rng: Random, rows: int, until: date) -> list[Series]:
    count = max(6, round(rows / ROWS_PER_PARTICIPANT / PARTICIPANTS_PER_EVENT / EVENTS_PER_SERIES))
    first_day = datetime.combine(_years_before(until), time(9), KOREA)
    customers: list[Customer] = []
    made = []
    for profile in rng.choices(PROFILES, [profile.share for profile in PROFILES], k=count):
        customer = _customer(rng, profile, customers, first_day)
        size = max(SMALLEST_EVENT, round(rng.lognormvariate(math.log(profile.median_size), profile.spread)))
        made.append(
            Series(
                customer=customer,
                profile=profile,
                title=rng.choice(profile.titles),
                venue_id=_venue_for(rng, size),
                size=size,
                access_policy=_varied(rng, profile.access_policy, "opens_minutes_before", (0, 0, 15, 30)),
                notification_settings=_varied(
                    rng, profile.notification_settings, "alert_at_capacity_percent", (0, 0, -5, -10)
                ),
            )
        )
    return made


def _customer(rng: Random, profile: Profile, customers: list[Customer], first_day: datetime) -> Customer:
    """Take a customer who fits, or a new one."""
    fitting = [one for one in customers if one.kind in profile.customer_kinds]
    if fitting and rng.random() > CUSTOMERS_PER_SERIES:
        return rng.choice(fitting)
    customer_id = len(customers) + 1
    contact = person(rng)
    kind = rng.choice(profile.customer_kinds)
    name, language = organisation(rng, kind)
    customer = Customer(
        customer_id=customer_id,
        name=name,
        kind=kind,
        email=f"{contact.mailbox}.{customer_id}@{rng.choice(MAIL_DOMAINS)}",
        phone=f"+82100{rng.randrange(10_000_000):07}",  # no subscriber has a mobile number that goes on with 0
        language=language,
        created_at=first_day - timedelta(days=rng.randrange(1, 400)),
    )
    customers.append(customer)
    return customer


def _venue_for(rng: Random, size: int) -> int:
    """Choose among the houses that are large enough, rather one that is not much too large."""
    fitting = [number for number, venue in enumerate(VENUES, start=1) if venue.capacity >= size]
    if not fitting:
        return max(range(1, len(VENUES) + 1), key=lambda number: VENUES[number - 1].capacity)
    weights = [1 / VENUES[number - 1].capacity for number in fitting]
    return rng.choices(fitting, weights)[0]


def _varied(rng: Random, settings: dict[str, Any], key: str, changes: Sequence[int]) -> dict[str, Any]:
    return settings | {key: settings[key] + rng.choice(changes)}


def _drafts(rng: Random, series: Sequence[Series], rows: int, until: date) -> Iterator[Event]:
    """Make events, not yet numbered, until their rows are as many as wanted."""
    left = rows - len(VENUES) - round(len(series) * CUSTOMERS_PER_SERIES)
    # A customer who comes often comes often: a few series have most events.
    weights = [1 / (place + 2) ** 0.5 for place in range(len(series))]
    while left > 0:
        chosen = rng.choices(series, weights)[0]
        event = _draft(rng, chosen, until, affordable=max(SMALLEST_EVENT, round(left / ROWS_PER_PARTICIPANT)))
        left -= round(event.participants * _rows_per_participant(event)) + event.gate_count + 1
        yield event


def _rows_per_participant(event: Event) -> float:
    """Return how many rows to expect for each participant: himself and, where the event took place, his entries."""
    if event.status != "completed":
        return 1
    returns = RE_ENTRY_SHARE if event.series.access_policy["re_entry"] else 0
    return 1 + sum(SHOWN_UP) / len(SHOWN_UP) * (1 + REFUSED_SHARE + returns)


def _draft(rng: Random, series: Series, until: date, *, affordable: int) -> Event:
    profile, venue = series.profile, VENUES[series.venue_id - 1]
    day = _day(rng, profile, until)
    starts_at = datetime.combine(day, time(rng.choice(profile.start_hours), rng.choice((0, 0, 30))), KOREA)
    grown = GROWTH_PER_YEAR ** ((day - _years_before(until)).days / 365)
    wanted = round(series.size * grown * rng.uniform(0.85, 1.15))
    expected = min(max(wanted, SMALLEST_EVENT), venue.capacity, affordable)
    return Event(
        event_id=0,
        series=series,
        name=_name(rng, series, day),
        status=_event_status(rng, day, until),
        expected_attendees=expected,
        gate_count=min(max(1, math.ceil(expected / ATTENDEES_PER_GATE)), venue.max_gates),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=rng.choice(profile.hours)),
        created_at=max(starts_at - timedelta(days=rng.randrange(14, 120)), series.customer.created_at),
        participants=max(1, round(expected * rng.uniform(0.75, 1.0))),
        first_participant_id=0,
        first_gate_id=0,
    )


def _name(rng: Random, series: Series, day: date) -> str:
    english = series.customer.language == "en"
    title = series.title[english]
    if "{couple}" in title:
        return title.format(couple=f"{person(rng).name} · {person(rng).name}")
    return f"{series.customer.name} {title.format(season=SEASONS[day.month][english])} {day.year}"


def _event_status(rng: Random, day: date, until: date) -> str:
    if day >= until:
        return "planned"
    return "cancelled" if rng.random() < CANCELLED_SHARE else "completed"


def _day(rng: Random, profile: Profile, until: date) -> date:
    """Draw a day by growth, season and weekday: proposals are accepted in proportion to how likely such a day is."""
    first = _years_before(until)
    span = (until - first).days + PLANNED_DAYS
    highest = max(profile.months) * max(profile.weekdays) * GROWTH_PER_YEAR ** (span / 365)
    while True:
        passed = rng.randrange(1, span)
        day = first + timedelta(days=passed)
        weight = profile.months[day.month - 1] * profile.weekdays[day.weekday()] * GROWTH_PER_YEAR ** (passed / 365)
        if rng.random() * highest < weight:
            return day


def _numbered(drafts: Sequence[Event]) -> Iterator[Event]:
    """Number events, participants and gates in the order of time, and events of the same name in one year."""
    participant_id = gate_id = 1
    held: Counter[str] = Counter()
    for event_id, draft in enumerate(drafts, start=1):
        held[draft.name] += 1
        yield replace(
            draft,
            event_id=event_id,
            name=_counted(draft, held[draft.name]),
            first_participant_id=participant_id,
            first_gate_id=gate_id,
        )
        participant_id += draft.participants
        gate_id += draft.gate_count


def _counted(event: Event, edition: int) -> str:
    if edition == 1:
        return event.name
    return f"{event.name} #{edition}" if event.series.customer.language == "en" else f"{event.name} {edition}회차"


def _years_before(until: date) -> date:
    return until - timedelta(days=round(365.25 * YEARS))
