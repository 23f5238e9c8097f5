"""The request as JSON schema (draft 2020-12), for Airflow's `Param`s, the form and OpenAPI.

It checks presence and type; what a schema cannot say (a number that can be rung up, a start before the end) is said by
`request.parse_request`, which names every fault at once.
"""

from typing import Any

from include.events.request import LANGUAGES, MAX_ATTENDEES, MAX_GATES, REQUEST_ID_PATTERN


def _text(description: str, *, longest: int, example: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": longest,
        "description": description,
        "examples": [example],
    } | more


def _optional(description: str, *, longest: int, example: str) -> dict[str, Any]:
    return {
        "type": ["string", "null"],
        "maxLength": longest,
        "description": description,
        "examples": [example],
        "default": None,
    }


CUSTOMER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Who gets the event and is told about it.",
    "required": ["name", "email", "phone", "language"],
    "additionalProperties": False,
    "properties": {
        "name": _text("Name as it is written in mails.", longest=100, example="김하늘"),
        "email": _text("E-mail address.", longest=254, example="haneul@example.com", format="email"),
        "phone": _text(
            "Mobile number in E.164 form.", longest=16, example="+821012345678", pattern=r"^\+[1-9][0-9]{6,14}$"
        ),
        "language": {"type": "string", "enum": list(LANGUAGES), "description": "Language of mails and guide."},
    },
}

EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "What is wanted.",
    "required": ["name", "venue", "starts_at", "ends_at", "expected_attendees", "gates"],
    "additionalProperties": False,
    "properties": {
        "name": _text("Name of the event.", longest=120, example="Seoul Spring Summit", minLength=2),
        "venue": _text("Where it takes place.", longest=120, example="COEX Hall B"),
        "starts_at": _text(
            "Start: ISO 8601 with offset.", longest=40, example="2030-05-01T09:00:00+09:00", format="date-time"
        ),
        "ends_at": _text(
            "End: ISO 8601 with offset, at most 90 days after the start.",
            longest=40,
            example="2030-05-01T18:00:00+09:00",
            format="date-time",
        ),
        "expected_attendees": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_ATTENDEES,
            "description": "People: up to 100 automatic, 101 to 499 a manager approves, from 500 an executive.",
            "examples": [250],
        },
        "gates": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_GATES,
            "description": "Entrances with a scanner.",
            "examples": [4],
        },
        "type": _optional("Kind of event, for example conference or 콘서트.", longest=60, example="conference"),
        "notes": _optional("Anything the operators should know.", longest=2000, example="Press entrance at gate 1"),
    },
}

REQUEST_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Event request",
    "type": "object",
    "required": ["request_id", "customer", "event"],
    "additionalProperties": False,
    "properties": {
        "request_id": _text(
            "Chosen by the sender: the same id and body can be sent again without a second event.",
            longest=80,
            example="spring-summit-2030",
            pattern=f"^{REQUEST_ID_PATTERN.pattern}$",
        ),
        "customer": CUSTOMER_SCHEMA,
        "event": EVENT_SCHEMA,
        "not_duplicate_of": _optional(
            "Id of a similar request that this one is not a repetition of.", longest=80, example="spring-summit-2029"
        ),
    },
}
