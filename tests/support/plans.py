"""Plans made without any server."""

from datetime import UTC, datetime
from typing import Any

from include.events.catalogue import load_catalogue
from include.events.classify import classify
from include.events.plan import EventPlan, build_plan
from include.events.request import EventRequest, parse_request
from include.events.templates import match_template

NOW = datetime(2030, 4, 1, tzinfo=UTC)
CATALOGUE = load_catalogue()


def request(attendees: int = 250, **event: Any) -> EventRequest:
    """Return a request without faults."""
    body = {
        "request_id": "spring-2030",
        "customer": {"name": "Haneul", "email": "h@example.com", "phone": "+821012345678", "language": "ko"},
        "event": {
            "name": "Seoul Spring Summit",
            "venue": "COEX",
            "starts_at": "2030-05-01T00:00:00Z",
            "ends_at": "2030-05-01T09:00:00Z",
            "expected_attendees": attendees,
            "gates": 4,
        }
        | event,
    }
    return parse_request(body, now=NOW)


def plan_of(wanted: EventRequest) -> EventPlan:
    """Return its plan, from the default template."""
    classification = classify(wanted.event, now=NOW)
    match = match_template(
        wanted.event,
        event_type=classification.event_type,
        past_events=(),
        default=CATALOGUE.default_template,
    )
    return build_plan(
        wanted,
        slug="seoul_spring_summit_82f3e9",
        classification=classification,
        match=match,
        catalogue=CATALOGUE,
        platform_url="http://platform.example/platform",
        timezone="Asia/Seoul",
    )
