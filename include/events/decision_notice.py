"""Telling the customer that an event was not approved, that nobody decided in time, or that it became invalid."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from include.events.customer_mail import effect_of, mail_customer
from include.events.errors import StaleAttempt, UnknownRequest
from include.events.request import request_from_stored
from include.events.world import World
from include.notifications.templates import format_instant
from include.store import event_work
from include.store import events as store

TEMPLATE = "not_approved"
# A mail that could not be sent for so long is of no use to the customer any more.
TELL_WITHIN_SECONDS = 24 * 3600.0
TOLD = frozenset({"rejected", "expired", "invalid"})


def tell_not_approved(world: World, *, request_id: str) -> None:
    """Tell the customer, once per attempt. Who decided and why stays in the house.

    Raises StaleAttempt when the request ended otherwise or not at all, or what `mail_customer`
    raises; a mailbox that refuses for good changes nothing of the outcome.
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
        name=TEMPLATE,
        occasion=row["attempt"],
        context={
            "event": {"name": request.event.name, "venue": request.event.venue},
            "starts_at": format_instant(starts_at, request.customer.language),
            "status": row["status"],
        },
    )


def invalid_untold(conn: store.Connection, *, idle_seconds: float) -> list[store.Row]:
    """Return invalid requests whose customer does not know: nobody was there to tell, or the mail failed.

    Each has `request_id`, `attempt`, `status`, `dag_run_id`. A request that Airflow refused never had a run.
    """
    return event_work.list_untold(
        conn,
        status="invalid",
        effect=effect_of(TEMPLATE),
        idle_seconds=idle_seconds,
        within_seconds=TELL_WITHIN_SECONDS,
    )
