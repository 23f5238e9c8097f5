"""The plan: everything that will be made for an event, and why. Pure: the same input gives the same plan and hash."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from include.events import slug as slugs
from include.events.catalogue import Catalogue, TemplateSettings
from include.events.classify import Classification
from include.events.request import Customer, Event, EventRequest
from include.events.templates import Match

MILLICORES_PER_CORE = 1000
MEBIBYTES_PER_GIBIBYTE = 1024
KILOBITS_PER_MEGABIT = 1000
HOURS_PER_MONTH = 730
COST_STEP_KRW = 100


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What is set aside for the event: the namespace's quota, the database's storage, the line's bandwidth."""

    cpu_millicores: int
    memory_mebibytes: int
    storage_mebibytes: int
    bandwidth_kilobits: int
    pods: int


@dataclass(frozen=True, kw_only=True)
class CostItem:
    """One line of the estimate, in KRW, rounded up to 100."""

    item: str
    amount: str
    krw: int


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A Prometheus alert for this event alone. `wait` is a Prometheus duration."""

    name: str
    expression: str
    wait: str
    severity: str
    summary: str


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """The target that Prometheus gets and the alerts on it."""

    metrics_url: str
    target: str
    group: str
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, kw_only=True)
class Milestone:
    """A point on the event's timeline; `what` is a key of the message templates."""

    at: datetime
    what: str


@dataclass(frozen=True, kw_only=True)
class EventPlan:
    """What is approved, applied and verified."""

    request_id: str
    slug: str
    customer: Customer
    event: Event
    event_type: str
    tier: str
    priority: str
    reasons: tuple[str, ...]
    template: str | None
    template_reason: str
    access_policy: dict[str, Any]
    notification_settings: dict[str, Any]
    namespace: str
    schema: str
    api_role: str
    api_url: str
    resources: Resources
    monitoring: Monitoring
    cost: tuple[CostItem, ...]
    timeline: tuple[Milestone, ...]
    timezone: str

    @property
    def cost_krw(self) -> int:
        """Return the estimate's total in KRW."""
        return sum(item.krw for item in self.cost)


def build_plan(
    request: EventRequest,
    *,
    slug: str,
    classification: Classification,
    match: Match,
    catalogue: Catalogue,
    platform_url: str,
    timezone: str,
) -> EventPlan:
    """Return the plan; `platform_url` is the events platform's base address, `timezone` where people read times."""
    event = _in_zone(request.event, ZoneInfo(timezone))
    resources = _resources(event, catalogue)
    api_url = f"{platform_url.rstrip('/')}/events/{slug}"
    policy = dict(match.settings.access_policy)
    return EventPlan(
        request_id=request.request_id,
        slug=slug,
        customer=request.customer,
        event=event,
        event_type=classification.event_type,
        tier=classification.tier.value,
        priority=classification.priority.value,
        reasons=classification.reasons,
        template=match.source,
        template_reason=match.reason,
        access_policy=policy,
        notification_settings=dict(match.settings.notification_settings),
        namespace=slugs.namespace_of(slug),
        schema=slugs.schema_of(slug),
        api_role=f"{slugs.schema_of(slug)}_api",
        api_url=api_url,
        resources=resources,
        monitoring=_monitoring(event, slug=slug, api_url=api_url, policy=policy, settings=match.settings),
        cost=_cost(event, resources, catalogue),
        timeline=_timeline(event, catalogue, policy),
        timezone=timezone,
    )


def plan_to_dict(plan: EventPlan) -> dict[str, Any]:
    """Return the plan as JSON types."""
    document: dict[str, Any] = msgspec.to_builtins(plan)
    return document


def plan_from_dict(document: dict[str, Any]) -> EventPlan:
    """Read a stored plan. Raises msgspec.ValidationError when it is none."""
    return msgspec.convert(document, EventPlan)


def plan_hash(plan: EventPlan) -> str:
    """Return the SHA-256 of the plan's canonical JSON: what an approval is for."""
    text = json.dumps(plan_to_dict(plan), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _in_zone(event: Event, zone: ZoneInfo) -> Event:
    return replace(event, starts_at=event.starts_at.astimezone(zone), ends_at=event.ends_at.astimezone(zone))


def _resources(event: Event, catalogue: Catalogue) -> Resources:
    amounts = {
        field: getattr(catalogue.sizing, field).amount(attendees=event.expected_attendees, gates=event.gates)
        for field in Resources.__dataclass_fields__
    }
    return Resources(**amounts)


def _monitoring(
    event: Event, *, slug: str, api_url: str, policy: dict[str, Any], settings: TemplateSettings
) -> Monitoring:
    selector = f'{{event="{slug}"}}'
    per_minute = event.gates * int(policy["entries_per_gate_per_minute"])
    percent = int(settings.notification_settings["alert_at_capacity_percent"])
    return Monitoring(
        metrics_url=f"{api_url}/metrics",
        target=urlsplit(api_url).netloc,
        group=f"event_{slug}",
        alerts=(
            Alert(
                name="EventApiDown",
                expression=f"up{selector} == 0 or absent(up{selector})",
                wait="2m",
                severity="critical",
                summary=f"The API of event {slug} does not answer",
            ),
            Alert(
                name="EventEntriesSurge",
                expression=f"sum(rate(event_entries_total{selector}[5m])) * 60 > {per_minute}",
                wait="3m",
                severity="warning",
                summary=f"More entries than the {event.gates} gates of event {slug} are made for ({per_minute}/min)",
            ),
            Alert(
                name="EventNearCapacity",
                expression=f"event_participants{selector} > {event.expected_attendees * percent / 100:g}",
                wait="5m",
                severity="warning",
                summary=f"Event {slug} has more than {percent} % of {event.expected_attendees} expected attendees",
            ),
        ),
    )


def _cost(event: Event, resources: Resources, catalogue: Catalogue) -> tuple[CostItem, ...]:
    reservation, prices = catalogue.reservation, catalogue.prices_krw
    duration = (event.ends_at - event.starts_at).total_seconds() / 3600
    hours = reservation.hours_before + duration + reservation.hours_after
    cores = resources.cpu_millicores / MILLICORES_PER_CORE
    memory = resources.memory_mebibytes / MEBIBYTES_PER_GIBIBYTE
    storage = resources.storage_mebibytes / MEBIBYTES_PER_GIBIBYTE
    bandwidth = resources.bandwidth_kilobits / KILOBITS_PER_MEGABIT
    return (
        _item("cpu", f"{cores:g} cores × {hours:g} h", cores * hours * prices.cpu_core_hour),
        _item("memory", f"{memory:g} GiB × {hours:g} h", memory * hours * prices.memory_gibibyte_hour),
        _item(
            "storage",
            f"{storage:g} GiB × {hours:g} h",
            storage * hours / HOURS_PER_MONTH * prices.storage_gibibyte_month,
        ),
        _item(
            "bandwidth", f"{bandwidth:g} Mbit/s × {duration:g} h", bandwidth * duration * prices.bandwidth_megabit_hour
        ),
        _item(
            "messages", f"{event.expected_attendees} attendees", event.expected_attendees * prices.message_per_attendee
        ),
    )


def _item(item: str, amount: str, krw: float) -> CostItem:
    return CostItem(item=item, amount=amount, krw=math.ceil(krw / COST_STEP_KRW) * COST_STEP_KRW)


def _timeline(event: Event, catalogue: Catalogue, policy: dict[str, Any]) -> tuple[Milestone, ...]:
    reservation = catalogue.reservation
    return (
        Milestone(at=event.starts_at - timedelta(hours=reservation.hours_before), what="resources_from"),
        Milestone(at=event.starts_at - timedelta(minutes=int(policy["opens_minutes_before"])), what="gates_open"),
        Milestone(at=event.starts_at, what="starts"),
        Milestone(at=event.ends_at, what="ends"),
        Milestone(at=event.ends_at + timedelta(hours=reservation.hours_after), what="resources_until"),
    )
