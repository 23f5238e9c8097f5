"""The `Param`s refuse what is missing or of a wrong type, and leave everything else to the validator that names it
all."""

import copy
from typing import Any

import pytest
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import ParamValidationError

from platform_ops.params import REQUEST_PARAMS

VALID: dict[str, Any] = {
    "request_id": "spring-1",
    "customer": {"name": "Hanbit", "email": "a@hanbit.example", "phone": "+821048210932", "language": "ko"},
    "event": {
        "name": "Spring Salon",
        "venue": "Blue Hall",
        "starts_at": "2030-04-02T19:00:00+09:00",
        "ends_at": "2030-04-02T22:00:00+09:00",
        "expected_attendees": 80,
        "gates": 1,
    },
}


def validated(conf: dict[str, Any]) -> dict[str, Any]:
    params = ParamsDict(copy.deepcopy(REQUEST_PARAMS))
    params.update(conf)
    return dict(params.validate())


def test_a_request_passes() -> None:
    assert validated(VALID)["event"]["gates"] == 1


@pytest.mark.parametrize("missing", ["request_id", "customer", "event"])
def test_a_missing_part_is_refused(missing: str) -> None:
    with pytest.raises(ParamValidationError):
        validated({name: value for name, value in VALID.items() if name != missing})


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("event", "gates", "two"),
        ("event", "name", None),
        ("customer", "email", 5),
        ("event", "expected_attendees", 1.5),
    ],
)
def test_a_wrong_type_is_refused(part: str, field: str, value: object) -> None:
    with pytest.raises(ParamValidationError):
        validated(VALID | {part: VALID[part] | {field: value}})


def test_a_missing_field_is_refused() -> None:
    event = {name: value for name, value in VALID["event"].items() if name != "venue"}
    with pytest.raises(ParamValidationError):
        validated(VALID | {"event": event})


def test_what_only_our_validator_can_say_passes_here() -> None:
    assert validated(VALID | {"customer": VALID["customer"] | {"phone": "010-1234", "nick": "unknown key"}})
