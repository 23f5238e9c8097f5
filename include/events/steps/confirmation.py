"""Telling the customer that the event is ready: by e-mail and by SMS, once each, whatever fails and is tried again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from include.clients.errors import ClientError
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

    Both are rendered before either is sent, and a failing SMS never keeps the mail back: it fails the step afterwards.
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
    failed: ClientError | None = None
    check()
    if world.sms is not None:
        try:
            _send_sms(plan, world, attempt=attempt, text=sms_text)
        except ClientError as error:
            failed = error
    else:
        log.info("sms_default is off: %s is confirmed by e-mail only", plan.request_id)
    check()
    once(
        world.ops,
        request_id=plan.request_id,
        key=f"confirmation:email:{attempt}",
        send=lambda: world.send_email(mail),
        reference=identifier,
    )
    if failed is not None:
        raise failed
    return ["email"] if world.sms is None else ["email", "sms"]


def _send_sms(plan: EventPlan, world: World, *, attempt: int, text: str) -> None:
    sms, phone = world.sms, plan.customer.phone
    if sms is None:
        return
    once(
        world.ops,
        request_id=plan.request_id,
        key=f"confirmation:sms:{attempt}",
        send=lambda: sms.send(to=phone, body=text),
        find=lambda since: sms.find(to=phone, body=text, since=since),
    )
