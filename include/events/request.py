"""What a customer may ask for: one definition, used by the API, the form and Airflow alike."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from include.events.errors import Fault, InvalidRequest
from include.events.fields import FieldReader, check_period

LANGUAGES = ("ko", "en")
MAX_ATTENDEES = 100_000
MAX_GATES = 200
LONGEST_EVENT = timedelta(days=90)
FURTHEST_AHEAD = timedelta(days=3 * 365)
# A part of Airflow's run id and of addresses, so it starts with a letter or digit and has no character to be quoted.
REQUEST_ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)
REQUEST_ID_RULE = "1 to 80 letters, digits, dots, dashes or underscores, the first a letter or digit"

_BODY_FIELDS = ("request_id", "customer", "event", "not_duplicate_of")
_CUSTOMER_FIELDS = ("name", "email", "phone", "language")
_EVENT_FIELDS = ("name", "venue", "starts_at", "ends_at", "expected_attendees", "gates", "type", "notes")


@dataclass(frozen=True, kw_only=True)
class Customer:
    """Who gets the event; told in `language` ("ko" or "en") by e-mail and by SMS to an E.164 number."""

    name: str
    email: str
    phone: str
    language: str


@dataclass(frozen=True, kw_only=True)
class Event:
    """What is wanted. Times are aware, in the offset in which they were written."""

    name: str
    venue: str
    starts_at: datetime
    ends_at: datetime
    expected_attendees: int
    gates: int
    type: str | None = None
    notes: str | None = None


@dataclass(frozen=True, kw_only=True)
class EventRequest:
    """A request without faults."""

    request_id: str
    customer: Customer
    event: Event
    not_duplicate_of: str | None = None


def parse_request(body: object, *, now: datetime | None) -> EventRequest:
    """Read a decoded JSON body, whatever it is. `now` is what "in the past" means; None leaves that out.

    Raises InvalidRequest, and nothing else, with every fault: missing and unknown fields, wrong types, characters that
    cannot be stored, impossible or past times, numbers out of bounds.
    """
    if not isinstance(body, dict):
        raise InvalidRequest([Fault("", "must be a JSON object")])
    reader = FieldReader(body)
    reader.refuse_unknown(_BODY_FIELDS)
    request_id = reader.matching("request_id", REQUEST_ID_PATTERN, longest=80, rule=REQUEST_ID_RULE)
    customer = _read_customer(reader.child("customer"))
    event = _read_event(reader.child("event"), now=now)
    not_duplicate_of = reader.optional_text("not_duplicate_of", longest=80)
    if not_duplicate_of and not_duplicate_of == request_id:
        reader.fault("not_duplicate_of", "must name another request")
    if reader.faults or customer is None or event is None:
        raise InvalidRequest(reader.faults)
    return EventRequest(request_id=request_id, customer=customer, event=event, not_duplicate_of=not_duplicate_of)


def body_hash(body: dict[str, Any]) -> str:
    """Return the SHA-256 of a valid body's canonical JSON: equal for equal content, whatever the order of keys."""
    text = json.dumps(body, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def find_request_id(body: object) -> str | None:
    """Return the request id of a body that may have faults elsewhere, None when it has none that is usable."""
    value = body.get("request_id") if isinstance(body, dict) else None
    return value if isinstance(value, str) and REQUEST_ID_PATTERN.fullmatch(value) else None


def request_from_stored(body: dict[str, Any]) -> EventRequest:
    """Read a body that was accepted earlier; its times may be past by now."""
    return parse_request(body, now=None)


def _read_customer(reader: FieldReader) -> Customer | None:
    reader.refuse_unknown(_CUSTOMER_FIELDS)
    customer = Customer(
        name=reader.text("name", longest=100),
        email=reader.email("email"),
        phone=reader.phone("phone"),
        language=reader.choice("language", LANGUAGES),
    )
    return None if reader.faults else customer


def _read_event(reader: FieldReader, *, now: datetime | None) -> Event | None:
    reader.refuse_unknown(_EVENT_FIELDS)
    name = reader.text("name", shortest=2, longest=120)
    venue = reader.text("venue", longest=120)
    starts_at, ends_at = reader.instant("starts_at"), reader.instant("ends_at")
    check_period(reader, starts_at, ends_at, now=now, longest=LONGEST_EVENT, furthest=FURTHEST_AHEAD)
    attendees = reader.whole_number("expected_attendees", least=1, most=MAX_ATTENDEES)
    gates = reader.whole_number("gates", least=1, most=MAX_GATES)
    kind = reader.optional_text("type", longest=60)
    notes = reader.optional_text("notes", longest=2000, multiline=True)
    if reader.faults or starts_at is None or ends_at is None:
        return None
    return Event(
        name=name,
        venue=venue,
        starts_at=starts_at,
        ends_at=ends_at,
        expected_attendees=attendees,
        gates=gates,
        type=kind,
        notes=notes,
    )
