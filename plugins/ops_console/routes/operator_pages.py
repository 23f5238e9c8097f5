"""Pages for people who log in to Airflow: events at a glance, and one event in full."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse

from include.common.clock import utc_now
from include.settings import get_settings
from include.store import console as store
from ops_console.callers import Caller
from ops_console.connections import connection_states
from ops_console.dashboard import read_tiles
from ops_console.database import OpsConnection
from ops_console.dependencies import CallerDep, DatabaseDep, LoginDep, StaffDep
from ops_console.errors import NotFound
from ops_console.event_page import event_context
from ops_console.language import Wording
from ops_console.login import Login
from ops_console.pages import render, wording_for
from ops_console.progress import STATUSES
from ops_console.routes.events_api import decode_cursor, own_events_only
from ops_console.runs import approval_url
from ops_console.views import duration_seconds

PAGE_SIZE = 50
TIERS = ("small", "medium", "large")
NO_OVERVIEW: dict[str, Any] = {"tiles": [], "waiting": [], "connections": [], "stored_only": []}

router = APIRouter(include_in_schema=False)


@router.get("/")
def events_page(
    request: Request,
    caller: CallerDep,
    database: DatabaseDep,
    login: LoginDep,
    q: Annotated[str, Query(max_length=200)] = "",
    status: str = "",
    tier: str = "",
    from_day: Annotated[str, Query(alias="from")] = "",
    to_day: Annotated[str, Query(alias="to")] = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
) -> HTMLResponse:
    """Show the events that the caller may see; to the staff also figures, what waits for a decision and connections."""
    wording = wording_for(request)
    filters = {"q": q, "status": status, "tier": tier, "from": from_day, "to": to_day}
    with database.connection() as conn:
        overview = _overview(conn, wording, login) if caller.is_staff else NO_OVERVIEW
        page = store.list_events(conn, _wanted(filters, caller), after=decode_cursor(cursor), limit=PAGE_SIZE)
    chosen = {name: value for name, value in filters.items() if value}
    return render(
        request,
        "events.html",
        caller=caller,
        section="events",
        events=[_event_line(row) for row in page.events],
        statuses=STATUSES,
        filters=filters,
        filtered=bool(chosen),
        first_page_url=f"?{urlencode(chosen)}" if cursor else None,
        next_page_url=f"?{urlencode(chosen | {'cursor': page.next_cursor.encode()})}" if page.next_cursor else None,
        **overview,
    )


@router.get("/events/{request_id}")
def event_page(
    request: Request, request_id: Annotated[str, Path(max_length=80)], caller: StaffDep, database: DatabaseDep
) -> HTMLResponse:
    """Show everything about one event."""
    wording = wording_for(request)
    with database.connection() as conn:
        row = store.find_event(conn, request_id)
        if row is None:
            raise NotFound(wording.text("event.unknown", id=request_id))
        steps = store.steps_of(conn, [request_id])[request_id]
        ledger = store.ledger_of(conn, request_id)
        messages = store.messages_of(conn, request_id)
    context = event_context(row, steps=steps, ledger=ledger, messages=messages, wording=wording)
    script_texts = wording.group("action_script")
    return render(request, "event.html", caller=caller, section="events", script_texts=script_texts, **context)


def _overview(conn: OpsConnection, wording: Wording, login: Login) -> dict[str, Any]:
    states = connection_states(login.stored_connection_ids())
    return {
        "tiles": read_tiles(conn, wording, now=utc_now()),
        "waiting": [_waiting_line(row) for row in store.waiting_approvals(conn)],
        "connections": states,
        "stored_only": [state.conn_id for state in states if state.state == "stored"],
    }


def _wanted(filters: Mapping[str, str], caller: Caller) -> store.EventFilter:
    """Read the filters of an address; one that means nothing is as good as an empty field."""
    zone = get_settings().zone
    status, tier = filters["status"], filters["tier"]
    return store.EventFilter(
        **own_events_only(caller),
        status=[status] if status in STATUSES else None,
        tier=tier if tier in TIERS else None,
        text=filters["q"].strip() or None,
        received_from=_midnight(filters["from"], zone),
        received_to=_midnight(filters["to"], zone, days_later=1),
    )


def _midnight(day: str, zone: ZoneInfo, *, days_later: int = 0) -> datetime | None:
    """Return the beginning of a day given as `2030-05-01`; None for any other text, as when the field is empty."""
    try:
        return datetime.combine(date.fromisoformat(day) + timedelta(days=days_later), time(), tzinfo=zone)
    except (ValueError, OverflowError):
        return None


def _event_line(row: store.Row) -> dict[str, Any]:
    error = row["error"] or {}
    return row | {
        "name": row["event_name"],
        "duration_seconds": duration_seconds(row),
        "problem": error.get("message", "")[:160],
    }


def _waiting_line(row: store.Row) -> dict[str, Any]:
    due = row["approval_due"] or {}
    return _event_line(row) | {
        "asked_at": due.get("asked_at"),
        "expires_at": due.get("expires_at"),
        "approval_url": approval_url(row["dag_run_id"]),
    }
