"""What a request may be: every fault is named, and nothing that is fed in breaks the reader."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.events.errors import InvalidRequest
from include.events.request import body_hash, find_request_id, parse_request, request_from_stored
from include.events.request_schema import REQUEST_SCHEMA

NOW = datetime(2030, 4, 1, tzinfo=UTC)


def body() -> dict[str, Any]:
    return {
        "request_id": "spring-2030",
        "customer": {
            "name": "김하늘",
            "email": "Haneul@Example.com",
            "phone": "+821012345678",
            "language": "ko",
        },
        "event": {
            "name": "Seoul Spring Summit",
            "venue": "COEX Hall B",
            "starts_at": "2030-05-01T09:00:00+09:00",
            "ends_at": "2030-05-01T18:00:00+09:00",
            "expected_attendees": 250,
            "gates": 4,
        },
    }


def faults_of(value: object) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        parse_request(value, now=NOW)
    return {fault.path: fault.message for fault in caught.value.faults}


def changed(path: str, value: object) -> dict[str, Any]:
    changed_body = body()
    *parents, last = path.split(".")
    target = changed_body
    for parent in parents:
        target = target[parent]
    target[last] = value
    return changed_body


def test_reads_a_request() -> None:
    request = parse_request(body(), now=NOW)
    assert request.customer.name == "김하늘"
    assert request.customer.email == "Haneul@example.com"
    assert request.event.starts_at.isoformat() == "2030-05-01T09:00:00+09:00"
    assert request.event.type is None
    assert request.not_duplicate_of is None


def test_names_all_faults_at_once() -> None:
    wrong = body()
    wrong["surprise"] = 1
    wrong["request_id"] = "-"
    wrong["customer"] |= {"email": "nobody", "phone": "010-1234-5678", "extra": None}
    del wrong["customer"]["name"]
    wrong["event"] |= {"starts_at": "2030-05-01T09:00:00", "expected_attendees": True, "gates": 0}
    assert set(faults_of(wrong)) == {
        "surprise",
        "request_id",
        "customer.name",
        "customer.email",
        "customer.phone",
        "customer.extra",
        "event.starts_at",
        "event.expected_attendees",
        "event.gates",
    }


@pytest.mark.parametrize("value", [None, 1, 1.5, "x", [], True, [{}], b"{}", object()])
def test_refuses_what_is_no_object(value: object) -> None:
    assert faults_of(value) == {"": "must be a JSON object"}


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("request_id", "", "must not be empty"),
        ("request_id", "a b", "must be 1 to 80 letters"),
        ("request_id", "..", "must be 1 to 80 letters"),
        ("request_id", "a" * 81, "at most 80"),
        ("request_id", 7, "must be a text"),
        ("customer", None, "must be an object, not null"),
        ("customer", [], "must be an object, not a list"),
        ("customer.name", "a\x00b", "control character U+0000"),
        ("customer.name", "a\nb", "control character U+000A"),
        ("customer.name", "a\u2028b", "control character U+2028"),
        ("customer.name", "a\u202eb", "direction override"),
        ("customer.name", "\ud800", "surrogate"),
        ("customer.name", "\u200b \u3000", "must not be empty"),
        ("customer.email", "a@localhost", "e-mail address"),
        ("customer.email", "한글@example.com", "e-mail address"),
        ("customer.email", "a@b@c.com", "e-mail address"),
        ("customer.phone", "+82 10 1234 5678", "E.164"),
        ("customer.phone", "+8210", "E.164"),
        ("customer.phone", "+999123456789", "E.164"),
        ("customer.phone", "+٨٢١٠١٢٣٤٥٦٧٨", "E.164"),
        ("customer.language", "de", "one of ko, en"),
        ("event.name", "x", "at least 2"),
        ("event.name", "x" * 121, "at most 120"),
        ("event.starts_at", "2030-05-01", "ISO 8601"),
        ("event.starts_at", "2030-05-01T09:00:00", "has no offset"),
        ("event.starts_at", "2030-02-30T09:00:00Z", "no date and time that exists"),
        ("event.starts_at", "2030-05-01T09:00:00+99:00", "no date and time that exists"),
        ("event.starts_at", "9999-12-31T23:59:59-12:00", "year must be from"),
        ("event.starts_at", "0001-01-01T00:00:00+14:00", "year must be from"),
        ("event.starts_at", "2030-03-31T23:59:59Z", "in the past"),
        ("event.ends_at", "2030-05-01T09:00:00+09:00", "after starts_at"),
        ("event.ends_at", "2031-05-01T09:00:00+09:00", "at most 90 days"),
        ("event.ends_at", 20300501, "must be a text"),
        ("event.expected_attendees", True, "not true or false"),
        ("event.expected_attendees", 2.0, "fraction"),
        ("event.expected_attendees", "80", "not a text"),
        ("event.expected_attendees", 0, "from 1 to 100000"),
        ("event.expected_attendees", 100_001, "from 1 to 100000"),
        pytest.param("event.expected_attendees", 10**5000, "from 1 to 100000", id="huge number"),
        ("event.expected_attendees", float("nan"), "fraction"),
        ("event.gates", 201, "from 1 to 200"),
        ("event.type", 3, "must be a text"),
        ("event.notes", "x\x07", "control character"),
        ("event.notes", "x" * 2001, "at most 2000"),
        ("not_duplicate_of", "spring-2030", "another request"),
    ],
)
def test_names_the_fault(path: str, value: object, words: str) -> None:
    faults = faults_of(changed(path, value))
    assert list(faults) == [path]
    assert words in faults[path]


@pytest.mark.parametrize("name", ["type", "notes"])
@pytest.mark.parametrize("blank", [None, "", "  ", "\u3000"])
def test_blank_optional_fields_are_absent(name: str, blank: object) -> None:
    assert getattr(parse_request(changed(f"event.{name}", blank), now=NOW).event, name) is None


def test_notes_may_have_several_lines() -> None:
    request = parse_request(changed("event.notes", "Gate 1:\tpress\r\nGate 2: guests\n"), now=NOW)
    assert request.event.notes == "Gate 1:\tpress\nGate 2: guests"


def test_text_is_composed_and_trimmed() -> None:
    assert parse_request(changed("event.venue", " Cafe\u0301 "), now=NOW).event.venue == "Caf\u00e9"


def test_many_unknown_keys_are_counted_not_listed() -> None:
    wrong = body() | {f"k{number}": 1 for number in range(1000)}
    faults = faults_of(wrong)
    assert len(faults) == 21
    assert faults[""] == "980 more unknown fields"


@pytest.mark.parametrize("key", ["\ud800", "\x00", "", 5, None, "k" * 10_000])
def test_faults_about_any_key_can_be_written_as_json(key: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_request(body() | {key: 1}, now=NOW)
    text = json.dumps(caught.value.as_dicts(), ensure_ascii=False)
    assert len(text.encode()) < 300


def test_stored_requests_can_be_read_after_their_start() -> None:
    past = changed("event.starts_at", "2020-05-01T09:00:00Z")
    past["event"]["ends_at"] = "2020-05-01T10:00:00Z"
    assert request_from_stored(past).event.starts_at.year == 2020


def test_hash_is_of_the_content_not_of_its_order() -> None:
    reordered = dict(reversed(list(body().items())))
    assert body_hash(reordered) == body_hash(body())
    assert body_hash(changed("event.gates", 5)) != body_hash(body())


@pytest.mark.parametrize(("value", "found"), [({"request_id": "a"}, "a"), ({"request_id": "a\n"}, None), ([], None)])
def test_finds_a_usable_request_id(value: object, found: str | None) -> None:
    assert find_request_id(value) == found


def test_schema_and_reader_agree_on_a_good_request() -> None:
    jsonschema.Draft202012Validator(REQUEST_SCHEMA).validate(body())


@pytest.mark.parametrize(
    "remove", [("request_id",), ("customer",), ("event", "gates"), ("customer", "email"), ("event", "starts_at")]
)
def test_schema_refuses_missing_fields(remove: tuple[str, ...]) -> None:
    incomplete = body()
    target = incomplete
    for name in remove[:-1]:
        target = target[name]
    del target[remove[-1]]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(REQUEST_SCHEMA).validate(incomplete)


ANY_TEXT = st.text(st.characters(codec=None), max_size=20)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([float("inf"), float("nan")]),
    st.just(4400).map(lambda digits: 10**digits),
    st.floats(),
    ANY_TEXT,
    st.datetimes().map(datetime.isoformat),
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))])).map(datetime.isoformat),
    st.emails(),
    st.from_regex(r"\+?[0-9 ()-]{3,20}"),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(ANY_TEXT, inner, max_size=3)),
    max_leaves=4,
)
PATHS = (
    *("request_id", "customer", "event", "not_duplicate_of", "other"),
    *(f"customer.{name}" for name in ("name", "email", "phone", "language", "other")),
    *(f"event.{name}" for name in ("name", "venue", "starts_at", "ends_at", "expected_attendees", "gates")),
    *("event.type", "event.notes", "event.other"),
)


def check_outcome(value: Any) -> None:
    """Feed a value in: it is refused with faults that can be shown, or accepted and the same when it is read back."""
    try:
        request = parse_request(value, now=NOW)
    except InvalidRequest as error:
        faults = error.as_dicts()
    else:
        stored = json.loads(json.dumps(value, allow_nan=False))
        assert "\\u0000" not in json.dumps(stored)
        assert request_from_stored(stored) == request
        return
    assert faults
    json.dumps(faults, ensure_ascii=False).encode()


def mutate(value: Any, path: str, replacement: Any) -> None:
    parent, _, name = path.rpartition(".")
    target = value.get(parent) if parent and isinstance(value, dict) else value
    if isinstance(target, dict):
        target[name] = replacement


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=st.lists(st.tuples(st.sampled_from(PATHS), VALUES), max_size=4), whole=st.one_of(st.none(), VALUES))
def test_nothing_but_invalid_request_is_ever_raised(changes: list[tuple[str, Any]], whole: object) -> None:
    value: Any = body() if whole is None else whole
    for path, replacement in changes:
        mutate(value, path, replacement)
    check_outcome(value)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**64))
def test_ten_thousand_mutated_requests(seed: int) -> None:
    """A hundred requests from each of a hundred seeds, made by a generator that costs microseconds."""
    chance = random.Random(seed)
    for _ in range(100):
        value: Any = body()
        for _ in range(chance.randrange(4)):
            mutate(value, chance.choice(PATHS), odd_value(chance))
        check_outcome(value)


def odd_value(chance: random.Random, depth: int = 0) -> Any:
    """Return something that a careless or hostile sender could put anywhere."""
    kind = chance.randrange(9 if depth < 3 else 7)
    if kind == 0:
        return chance.choice([None, True, False, 0, -1, 1, 10**4400, 2**63, 0.0, 1e308, float("nan"), float("inf")])
    if kind == 1:
        return chance.randrange(-10, 120_000)
    if kind == 2:
        return "".join(chr(chance.randrange(0x110000)) for _ in range(chance.randrange(20)))
    if kind == 3:
        return "".join(chance.choice("0123456789-+:.TZ ") for _ in range(chance.randrange(26)))
    if kind == 4:
        text = chance.choice(["2030-05-01T09:00:00+09:00", "+821012345678", "a@example.com", "ko", "spring-2030"])
        position = chance.randrange(len(text))
        return text[:position] + chr(chance.randrange(0x3000)) + text[position + chance.randrange(2) :]
    if kind == 5:
        year, month, day = chance.randrange(10_000), chance.randrange(14), chance.randrange(33)
        return f"{year:04}-{month:02}-{day:02}T{chance.randrange(26):02}:00:00{chance.choice(['Z', '', '+24:00'])}"
    if kind == 6:
        return chance.choice("ax\x00\ud800 ") * chance.randrange(3000)
    if kind == 7:
        return [odd_value(chance, depth + 1) for _ in range(chance.randrange(3))]
    return {odd_value(chance, 3): odd_value(chance, depth + 1) for _ in range(chance.randrange(3))}


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"event": value, "customer": [value]}
    return value


def cyclic() -> dict[str, Any]:
    value = body()
    value["event"] = value
    return value


@pytest.mark.parametrize("make", [lambda: nested(50_000), cyclic])
def test_depth_does_not_matter(make: Callable[[], dict[str, Any]]) -> None:
    assert faults_of(make())


def test_how_far_ahead_a_start_may_be() -> None:
    furthest = NOW + timedelta(days=3 * 365)
    far = body()
    far["event"] |= {"starts_at": furthest.isoformat(), "ends_at": (furthest + timedelta(1)).isoformat()}
    assert parse_request(far, now=NOW).event.starts_at == furthest
    with pytest.raises(InvalidRequest, match="days away"):
        parse_request(far, now=NOW - timedelta(seconds=1))
