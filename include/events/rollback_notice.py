"""Telling the customer and the operators that an event could not be set up, once each per attempt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from include.clients.errors import ClientError, Refused, RetryableError
from include.events.customer_mail import effect_of, mail_customer, report_unreached
from include.events.decision_notice import TELL_WITHIN_SECONDS
from include.events.errors import UnknownRequest
from include.events.request import request_from_stored
from include.events.steps.confirmation import confirmation_keys
from include.events.world import EVENT_PATH, World
from include.notifications.guard import once
from include.notifications.mail import build_text_email, message_id
from include.notifications.templates import format_instant, render
from include.store import event_work
from include.store import events as store

log = logging.getLogger(__name__)

OPERATORS_EFFECT = "rolled_back:operators:{outcome}"


def tell(world: World, *, request_id: str) -> None:
    """Tell the operators, then the customer in the customer's language; neither keeps the other from being told.

    A customer who was told before that the event is ready gets the correction by SMS too. What a customer's mailbox or
    phone refuses for good is reported to the operators and is no failure. Raises the first ClientError of the others.
    """
    notices: tuple[Callable[[], None], ...] = (
        lambda: tell_operators(world, request_id=request_id, leftovers=()),
        lambda: _mail_customer(world, request_id=request_id),
        lambda: _correct_by_sms(world, request_id=request_id),
    )
    failures = []
    for notice in notices:
        try:
            notice()
        except ClientError as error:
            log.warning("A notice of the rollback of %s failed: %s", request_id, error)
            failures.append(error)
    if failures:
        # One that may pass comes first, so that the task is tried again: what was sent is not sent twice.
        raise min(failures, key=lambda error: not isinstance(error, RetryableError))


def _mail_customer(world: World, *, request_id: str) -> None:
    row = _row(world, request_id)
    customer = request_from_stored(row["body"]).customer
    context = _context(world, row, customer.language, row["status"] == "rolled_back")
    mail_customer(
        world, request_id=request_id, customer=customer, name="rolled_back", occasion=row["attempt"], context=context
    )


def _correct_by_sms(world: World, *, request_id: str) -> None:
    """Take back what the confirmation said, if any of it went out: an SMS is read sooner than mail."""
    row = _row(world, request_id)
    sms, attempt = world.sms, row["attempt"]
    if sms is None or not event_work.may_have_gone_out(world.ops, request_id, confirmation_keys(attempt)):
        return
    customer = request_from_stored(row["body"]).customer
    context = _context(world, row, customer.language, row["status"] == "rolled_back")
    text = render("rolled_back.sms", language=customer.language, context=context).strip()
    key = f"rolled_back:sms:{attempt}"
    try:
        once(
            world.ops,
            request_id=request_id,
            key=key,
            send=lambda: sms.send(to=customer.phone, body=text),
            find=lambda since: sms.find(to=customer.phone, body=text, since=since),
        )
    except Refused as error:
        report_unreached(
            world,
            request_id=request_id,
            customer=customer,
            address=customer.phone,
            channel="SMS",
            subject=text,
            key=key,
            error=error,
        )


def rolled_back_untold(conn: store.Connection, *, idle_seconds: float) -> list[store.Row]:
    """Return requests that were undone, but not told of to the operators or the customer: the mail failed too often.

    Each has `request_id`, `attempt`, `status`, `dag_run_id`.
    """
    effects = (OPERATORS_EFFECT.format(outcome="complete"), effect_of("rolled_back"))
    found = [
        event_work.list_untold(
            conn,
            status="rolled_back",
            effect=effect,
            idle_seconds=idle_seconds,
            within_seconds=TELL_WITHIN_SECONDS,
        )
        for effect in effects
    ]
    return list({row["request_id"]: row for rows in found for row in rows}.values())


def tell_operators(world: World, *, request_id: str, leftovers: Sequence[str]) -> None:
    """Tell the operators what failed, what was undone and what is left."""
    row = _row(world, request_id)
    attempt, complete = row["attempt"], row["status"] == "rolled_back"
    steps = event_work.list_steps(world.ops, request_id, attempt)
    context = _context(world, row, "en", complete) | {
        "attempt": attempt,
        "error": {"step": "?", "type": "?", "message": "?"} | (row["error"] or {}),
        "steps": steps,
        "leftovers": list(leftovers),
        "console_url": f"{world.guide_base_url}{EVENT_PATH}{request_id}",
    }
    subject, _, text = render("rolled_back_operators.txt", language="en", context=context).partition("\n")
    outcome = "complete" if complete else "incomplete"
    identifier = message_id(request_id, attempt, "rolled_back_operators", outcome, domain=world.mail_domain)
    mail = build_text_email(
        subject, text, sender=world.mail_from, recipient=world.operators_email, identifier=identifier
    )
    once(
        world.ops,
        request_id=request_id,
        key=f"{OPERATORS_EFFECT.format(outcome=outcome)}:{attempt}",
        send=lambda: world.send_email(mail),
        reference=identifier,
    )


def _context(world: World, row: store.Row, language: str, complete: bool) -> dict[str, Any]:
    """Return what the templates need; from the request itself, because there may never have been a plan."""
    request = request_from_stored(row["body"])
    starts_at = request.event.starts_at.astimezone(ZoneInfo(world.timezone))
    return {
        "request_id": row["request_id"],
        "customer": {"name": request.customer.name, "email": request.customer.email},
        "event": {"name": request.event.name, "venue": request.event.venue},
        "starts_at": format_instant(starts_at, language),
        "operators_email": world.operators_email,
        "complete": complete,
    }


def _row(world: World, request_id: str) -> store.Row:
    row = store.find_request(world.ops, request_id)
    if row is None:
        raise UnknownRequest(f"there is no request {request_id!r}")
    return row
