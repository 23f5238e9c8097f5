"""One mail to the customer, in the customer's language, once per occasion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from include.events.request import Customer
from include.events.world import World
from include.notifications.guard import once
from include.notifications.mail import build_email, message_id, render_message


def mail_customer(
    world: World, *, request_id: str, customer: Customer, name: str, occasion: object, context: Mapping[str, Any]
) -> None:
    """Render the templates `name`.txt and `name`.html and send them, unless that was done for this `occasion` before.

    `context` comes on top of what every mail has: `customer`, `request_id`, `operators_email`.
    Raises BrokenTemplate, or what `world.send_email` raises.
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
    once(
        world.ops,
        request_id=request_id,
        key=f"{name}:customer:{occasion}",
        send=lambda: world.send_email(mail),
        reference=identifier,
    )
