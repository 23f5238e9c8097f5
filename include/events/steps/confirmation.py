"""Telling the customer that the event is ready: by e-mail, then by SMS, once each, whatever fails and is tried again.

The SMS speaks of the mail and is the harder of the two to take back, so it goes out last of all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from include.clients.twilio_sms import SmsSender
from include.events.plan import EventPlan
from include.events.presentation import plan_context
from include.events.world import World
from include.notifications.guard import once
from include.notifications.mail import build_email, message_id, render_message
from include.notifications.templates import render

log = logging.getLogger(__name__)


def apply(
    plan: EventPlan, world: World, *, attempt: int, links: Mapping[str, Any], check: Callable[[], None]
) -> list[str]:
    """Send both messages and return which channels were used.

    Both are rendered before either is sent. Raises what `world.send_email` or the SMS raises; without the mail there is
    no SMS.
    """
    customer = plan.customer
    context = plan_context(plan, language=customer.language) | {
        "handover_url": links["handover_url"],
        "guide_url": links["guide_url"],
        "rating_url": links["rating_url"],
        "dashboard_url": world.dashboard_url(plan.slug),
        "operators_email": world.operators_email,
    }
    message = render_message("confirmation", language=customer.language, context=context)
    sms_text = render("confirmation.sms", language=customer.language, context=context).strip()
    identifier = message_id(plan.request_id, attempt, "confirmation", domain=world.mail_domain)
    mail = build_email(
        message,
        sender=world.mail_from,
        recipient=customer.email,
        recipient_name=customer.name,
        identifier=identifier,
    )
    mail_key, sms_key = confirmation_keys(attempt)
    check()
    once(
        world.ops,
        request_id=plan.request_id,
        key=mail_key,
        send=lambda: world.send_email(mail),
        reference=identifier,
    )
    if world.sms is None:
        log.info("sms_default is off: %s is confirmed by e-mail only", plan.request_id)
        return ["email"]
    check()
    _send_sms(plan, world, world.sms, key=sms_key, text=sms_text)
    return ["email", "sms"]


def confirmation_keys(attempt: int) -> tuple[str, str]:
    """Return the keys under which an attempt's mail and SMS are on record."""
    return f"confirmation:email:{attempt}", f"confirmation:sms:{attempt}"


def _send_sms(plan: EventPlan, world: World, sms: SmsSender, *, key: str, text: str) -> None:
    phone = plan.customer.phone
    once(
        world.ops,
        request_id=plan.request_id,
        key=key,
        send=lambda: sms.send(to=phone, body=text),
        find=lambda since: sms.find(to=phone, body=text, since=since),
    )
