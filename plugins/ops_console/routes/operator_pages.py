"""Pages for the staff: all events at a glance, and one event in full."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse

from include.common.clock import utc_now
from include.settings import get_settings
from include.store import console as store
from ops_console.connections import connection_states
from ops_console.dashboard import read_tiles
from ops_console.dependencies import DatabaseDep, LoginDep, StaffDep
from ops_console.errors import NotFound
from ops_console.event_page import PROVISIONING_DAG, event_context
from ops_console.pages import render, wording_for
from ops_console.progress import STATUSES
from ops_console.routes.events_api import decode_cursor
from ops_console.runs import approval_url
from ops_console.views import duration_seconds

PAGE_SIZE = 50
TIERS = ("small", "medium", "large")

router = APIRouter(include_in_schema=False)


@router.get("/")
def events_page(
    request: Request,
    caller: StaffDep,
    database: DatabaseDep,
    login: LoginDep,
    q: Annotated[str, Query(max_length=200)] = "",
    status: str = "",
    tier: str = "",
    from_day: Annotated[str, Query(alias="from")] = "",
    to_day: Annotated[str, Query(alias="to")] = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
) -> HTMLResponse:
    """Show figures, what waits for a decision, the events, and which connections are off."""
    wording = wording_for(request)
    zone = get_settings().zone
    wanted = store.EventFilter(
        status=[status] if status in STATUSES else None,
        tier=tier if tier in TIERS else None,
        text=q.strip() or None,
        received_from=_midnight(from_day, zone),
        received_to=_midnight(to_day, zone, days_later=1),
    )
    with database.connection() as conn:
        tiles = read_tiles(conn, wording, now=utc_now())
        waiting = store.waiting_approvals(conn)
        page = store.list_events(conn, wanted, after=decode_cursor(cursor), limit=PAGE_SIZE)
    states = connection_states(login.stored_connection_ids())
    filters = {"q": q, "status": status, "tier": tier, "from": from_day, "to": to_day}
    chosen = {name: value for name, value in filters.items() if value}
    return render(
        request,
        "events.html",
        caller=caller,
        section="events",
        tiles=tiles,
        waiting=[_waiting_line(row) for row in waiting],
        events=[_event_line(row) for row in page.events],
        statuses=STATUSES,
        filters=filters,
        filtered=bool(chosen),
        first_page_url=f"?{urlencode(chosen)}" if cursor else None,
        next_page_url=f"?{urlencode(chosen | {'cursor': page.next_cursor.encode()})}" if page.next_cursor else None,
        connections=states,
        stored_only=[state.conn_id for state in states if state.state == "stored"],
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
        "approval_url": approval_url(PROVISIONING_DAG, row["dag_run_id"]),
    }
