"""Reading what a plan needs, making it and keeping it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg

from include.common.connections import connection_from_env
from include.events.catalogue import Catalogue, load_catalogue
from include.events.classify import classify
from include.events.errors import InvalidRequest, UnknownRequest
from include.events.lifecycle import Connection, transition
from include.events.plan import EventPlan, build_plan, plan_hash, plan_to_dict
from include.events.presentation import render_markdown
from include.events.request import parse_request
from include.events.templates import PastEvent, match_template
from include.settings import get_settings
from include.store import events as store

# Four years of a busy platform; the newest first.
MAX_PAST_EVENTS = 2000
PLATFORM_CONNECTION = "platform_api_default"
PLANNABLE = frozenset({"received", "planned"})


@dataclass(frozen=True, kw_only=True)
class PlannedEvent:
    """A plan that was kept, with its hash and its Markdown for people."""

    plan: EventPlan
    plan_hash: str
    markdown: str

    @property
    def tier(self) -> str:
        """Return the size that decides who approves."""
        return self.plan.tier


def discover_past_events(platform: psycopg.Connection[Any], *, limit: int = MAX_PAST_EVENTS) -> list[PastEvent]:
    """Read the platform's past events, newest first."""
    rows = store.fetch_all(platform, "SELECT * FROM platform_ops.past_events(%s)", (limit,))
    return [
        PastEvent(
            event_id=row["event_id"],
            name=row["name"],
            event_type=row["event_type"],
            venue=row["venue"],
            attendees=row["attendees"],
            starts_at=row["starts_at"],
            outcome=row["outcome"],
            access_policy=row["access_policy"] or {},
            notification_settings=row["notification_settings"] or {},
        )
        for row in rows
    ]


def plan_event(
    ops: Connection,
    platform: psycopg.Connection[Any],
    *,
    request_id: str,
    attempt: int,
    now: datetime,
    catalogue: Catalogue | None = None,
    platform_url: str | None = None,
    timezone: str | None = None,
) -> PlannedEvent:
    """Classify the request, match it with past events, make the plan and keep it (status "planned").

    Again it makes a new plan. Catalogue, the platform's address and the time zone come from the configuration unless
    given. Raises StaleAttempt once the plan was asked about, InvalidRequest when the event's start
    has passed since it was received (status "invalid" then).
    """
    row = store.find_request(ops, request_id)
    if row is None:
        raise UnknownRequest(f"there is no request {request_id!r}")
    try:
        request = parse_request(row["body"], now=now)
    except InvalidRequest as error:
        _mark_invalid(ops, request_id, attempt, error)
        raise
    catalogue = catalogue or load_catalogue()
    classification = classify(request.event, now=now)
    match = match_template(
        request.event,
        event_type=classification.event_type,
        past_events=discover_past_events(platform),
        default=catalogue.default_template,
    )
    plan = build_plan(
        request,
        slug=row["slug"],
        classification=classification,
        match=match,
        catalogue=catalogue,
        platform_url=platform_url or connection_from_env(PLATFORM_CONNECTION).http_url(),
        timezone=timezone or get_settings().timezone,
    )
    digest = plan_hash(plan)
    with ops.transaction():
        transition(
            ops,
            request_id=request_id,
            attempt=attempt,
            allowed=PLANNABLE,
            to="planned",
            reason=f"{plan.tier} {plan.event_type}: {plan.template_reason}",
            after={"plan_hash": digest},
        )
        store.store_plan(
            ops, request_id, classification=asdict(classification), plan=plan_to_dict(plan), plan_hash=digest
        )
    return PlannedEvent(plan=plan, plan_hash=digest, markdown=render_markdown(plan))


def _mark_invalid(conn: Connection, request_id: str, attempt: int, error: InvalidRequest) -> None:
    with conn.transaction():
        transition(
            conn, request_id=request_id, attempt=attempt, allowed=PLANNABLE, to="invalid", reason="no longer valid"
        )
        store.set_error(
            conn, request_id, {"step": "validation", **store.describe_error(error), "faults": error.as_dicts()}
        )
