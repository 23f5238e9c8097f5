"""One mail to the customer, in the customer's language, once per occasion.

A customer who cannot be reached is the operators' business: they are told, and the work goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from include.clients.errors import PermanentError, Refused
from include.events.request import Customer
from include.events.world import EVENT_PATH, World
from include.notifications.guard import once
from include.notifications.mail import build_email, build_text_email, message_id, render_message
from include.notifications.templates import render

log = logging.getLogger(__name__)


def effect_of(name: str) -> str:
    """Return the key, but for the occasion, under which a mail is on record as sent."""
    return f"{name}:customer"


def mail_customer(
    world: World, *, request_id: str, customer: Customer, name: str, occasion: object, context: Mapping[str, Any]
) -> None:
    """Render the templates `name`.txt and `name`.html and send them, unless that was done for this `occasion` before.

    `context` comes on top of what every mail has: `customer`, `request_id`, `operators_email`. A mailbox that refuses
    for good is reported to the operators instead. Raises BrokenTemplate, or what else `world.send_email` raises.
    """
    shared = {
        "request_id": request_id,
        "customer": {"name": customer.name, "email": customer.email},
        "operators_email": world.operators_email,
    }
    message = render_message(name, language=customer.language, context={**shared, **context})
    identifier = message_id(request_id, occasion, name, domain=world.mail_domain)
    mail = build_email(
        message,
        sender=world.mail_from,
        recipient=customer.email,
        recipient_name=customer.name,
        identifier=identifier,
    )
    key = f"{effect_of(name)}:{occasion}"
    try:
        once(world.ops, request_id=request_id, key=key, send=lambda: world.send_email(mail), reference=identifier)
    except Refused as error:
        report_unreached(
            world,
            request_id=request_id,
            customer=customer,
            address=customer.email,
            channel="mail",
            subject=message.subject,
            key=key,
            error=error,
        )


def report_unreached(
    world: World,
    *,
    request_id: str,
    customer: Customer,
    address: str,
    channel: str,
    subject: str,
    key: str,
    error: PermanentError,
) -> None:
    """Tell the operators, once, that the customer did not get the message of `key` at `address`, and why.

    Raises what `world.send_email` raises: then nobody knows.
    """
    log.warning("Message %s of %s is refused for good; the operators are told: %s", key, request_id, error)
    context = {
        "request_id": request_id,
        "customer": {"name": customer.name, "email": customer.email},
        "address": address,
        "channel": channel,
        "subject": subject,
        "reason": str(error),
        "console_url": f"{world.guide_base_url}{EVENT_PATH}{request_id}",
    }
    headline, _, text = render("customer_not_reached.txt", language="en", context=context).partition("\n")
    report_key = f"{key}:refused"
    identifier = message_id(request_id, report_key, domain=world.mail_domain)
    mail = build_text_email(
        headline, text, sender=world.mail_from, recipient=world.operators_email, identifier=identifier
    )
    once(world.ops, request_id=request_id, key=report_key, send=lambda: world.send_email(mail), reference=identifier)
