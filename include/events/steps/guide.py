"""The generated guide and the rating link."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from include.events.links import new_token, token_hash
from include.events.names import EventKey
from include.events.plan import EventPlan
from include.events.presentation import plan_context
from include.events.world import GUIDE_PATH, RATING_PATH, World
from include.notifications.templates import format_instant, render
from include.store import event_work

Connection = psycopg.Connection[Any]


def apply(plan: EventPlan, world: World, *, username: str, known: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """Write the guide and open the rating; return `guide_url` and `rating_url`. To be called in a transaction.

    Links that are `known` from an earlier try, and may be in a mail already, are kept.
    """
    conn, request_id = world.ops, plan.request_id
    guide_token = _token_of(known.get("guide_url")) or new_token()
    rating_token = _token_of(known.get("rating_url")) or new_token()
    event_work.put_guide(
        conn,
        request_id,
        token_hash=token_hash(guide_token),
        language=plan.customer.language,
        html=render_guide(plan, world, username=username, now=now),
    )
    event_work.put_rating(conn, request_id, token_hash(rating_token))
    return {
        "guide_url": f"{world.guide_base_url}{GUIDE_PATH}{guide_token}",
        "rating_url": f"{world.guide_base_url}{RATING_PATH}{rating_token}",
    }


def render_guide(plan: EventPlan, world: World, *, username: str, now: datetime) -> str:
    """Return the guide as one self-contained HTML page in the customer's language."""
    language = plan.customer.language
    context = plan_context(plan, language=language) | {
        "username": username,
        "dashboard_url": world.dashboard_url(plan.slug),
        "operators_email": world.operators_email,
        "generated_at": format_instant(now.astimezone(ZoneInfo(plan.timezone)), language),
    }
    return render("guide.html", language=language, context=context)


def verify(plan: EventPlan, conn: Connection) -> list[str]:
    """Return a finding when there is no guide or no rating link."""
    findings = [] if event_work.guide_exists(conn, plan.request_id) else [f"event {plan.slug} has no guide"]
    if not event_work.rating_exists(conn, plan.request_id):
        findings.append(f"event {plan.slug} has no rating link")
    return findings


def undo(key: EventKey, conn: Connection) -> None:
    """Remove the guide and the unused rating link."""
    with conn.transaction():
        event_work.delete_guide_and_rating(conn, key.request_id)


def leftovers(key: EventKey, conn: Connection) -> list[str]:
    """Return the guide if it is still there."""
    return ["guide"] if event_work.guide_exists(conn, key.request_id) else []


def _token_of(url: object) -> str | None:
    return url.rpartition("/")[2] or None if isinstance(url, str) else None
