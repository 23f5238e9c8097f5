"""Telling the customer and the operators that an event could not be set up, once each per attempt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from include.events.errors import UnknownRequest
from include.events.request import request_from_stored
from include.events.world import EVENT_PATH, World
from include.notifications.guard import once
from include.notifications.mail import build_email, build_text_email, message_id, render_message
from include.notifications.templates import format_instant, render
from include.store import event_work
from include.store import events as store


def tell(world: World, *, request_id: str) -> None:
    """Tell the customer, in the customer's language, and the operators. Raises what `world.send_email` raises."""
    row = _row(world, request_id)
    attempt = row["attempt"]
    complete = row["status"] == "rolled_back"
    request = request_from_stored(row["body"])
    language = request.customer.language
    message = render_message("rolled_back", language=language, context=_context(world, row, language, complete))
    identifier = message_id(request_id, attempt, "rolled_back", domain=world.mail_domain)
    mail = build_email(
        message,
        sender=world.mail_from,
        recipient=request.customer.email,
        recipient_name=request.customer.name,
        identifier=identifier,
    )
    once(
        world.ops,
        request_id=request_id,
        key=f"rolled_back:customer:{attempt}",
        send=lambda: world.send_email(mail),
        reference=identifier,
    )
    tell_operators(world, request_id=request_id, leftovers=())


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
        key=f"rolled_back:operators:{outcome}:{attempt}",
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
