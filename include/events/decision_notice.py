"""Telling the customer that an event was not approved, or that nobody decided in time."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from include.events.customer_mail import mail_customer
from include.events.errors import StaleAttempt, UnknownRequest
from include.events.request import request_from_stored
from include.events.world import World
from include.notifications.templates import format_instant
from include.store import events as store

TOLD = frozenset({"rejected", "expired"})


def tell_not_approved(world: World, *, request_id: str) -> None:
    """Tell the customer, once per attempt. Who decided and why stays in the house.

    Raises StaleAttempt when the request was neither rejected nor expired, or what `world.send_email` raises.
    """
    row = store.find_request(world.ops, request_id)
    if row is None:
        raise UnknownRequest(f"there is no request {request_id!r}")
    if row["status"] not in TOLD:
        raise StaleAttempt(f"request {request_id!r} is {row['status']}: the customer is not told that it ended")
    request = request_from_stored(row["body"])
    starts_at = request.event.starts_at.astimezone(ZoneInfo(world.timezone))
    mail_customer(
        world,
        request_id=request_id,
        customer=request.customer,
        name="not_approved",
        occasion=row["attempt"],
        context={
            "event": {"name": request.event.name, "venue": request.event.venue},
            "starts_at": format_instant(starts_at, request.customer.language),
            "expired": row["status"] == "expired",
        },
    )
