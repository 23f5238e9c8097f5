"""Telling the customer that an event was taken down, or that it is back; once each per archive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from include.events.customer_mail import mail_customer
from include.events.errors import StaleAttempt, UnknownRequest
from include.events.plan import EventPlan, plan_from_dict
from include.events.presentation import plan_context
from include.events.world import World
from include.notifications.templates import format_instant
from include.store import events as store


def tell_taken_down(world: World, *, request_id: str, archive_path: str) -> None:
    """Tell the customer that access has ended, until when the event can come back, and when its data is destroyed.

    Raises StaleAttempt when the event is not down, or what `world.send_email` raises.
    """
    row = store.find_request(world.ops, request_id)
    if row is None:
        raise UnknownRequest(f"there is no request {request_id!r}")
    if row["status"] != "decommissioned":
        raise StaleAttempt(f"request {request_id!r} is {row['status']}: the customer is not told that it is down")
    plan = plan_from_dict(row["plan"])
    purge_after: datetime = row["purge_after"]
    restorable_until = format_instant(purge_after.astimezone(ZoneInfo(plan.timezone)), plan.customer.language)
    _send(world, plan, "taken_down", archive_path=archive_path, context={"restorable_until": restorable_until})


def tell_restored(world: World, *, plan: EventPlan, links: Mapping[str, str], archive_path: str) -> None:
    """Send the customer the new one-time link to the account. Raises what `world.send_email` raises."""
    context = {
        "handover_url": links["handover_url"],
        "guide_url": links["guide_url"],
        "rating_url": links["rating_url"],
        "dashboard_url": world.dashboard_url(plan.slug),
    }
    _send(world, plan, "restored", archive_path=archive_path, context=context)


def _send(world: World, plan: EventPlan, name: str, *, archive_path: str, context: Mapping[str, Any]) -> None:
    """Mail the customer; an event may be taken down more than once, each time with an archive of its own."""
    mail_customer(
        world,
        request_id=plan.request_id,
        customer=plan.customer,
        name=name,
        occasion=archive_path,
        context={**plan_context(plan, language=plan.customer.language), **context},
    )
