"""`/api/events`: taking requests in, showing them, taking them up again and taking them down."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import AwareDatetime

from include.common.clock import utc_now
from include.events import intake
from include.events.request_schema import REQUEST_SCHEMA
from include.settings import get_settings
from include.store import console as store
from ops_console.addresses import event_api_path, public_event_api_url
from ops_console.bodies import json_body
from ops_console.callers import Caller
from ops_console.database import OpsConnection
from ops_console.dependencies import CallerDep, DatabaseDep, StaffDep
from ops_console.errors import Conflicting, Faulty, NotFound
from ops_console.progress import ACTION_STATUSES
from ops_console.runs import start_action
from ops_console.views import ErrorView, EventListView, EventView, ReceiptView, RunView, event_summary, event_view

MAX_REASON = 500

JsonBody = Annotated[Any, Depends(json_body)]
RequestId = Annotated[str, Path(max_length=80, description="The request's own id.")]


def _refusals(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Document the error answers of a route; 401, 403, 422 and 503 are every route's."""
    return {code: {"model": ErrorView} for code in (400, 401, 403, 422, 429, 503, *codes)}


def _request_body(schema: dict[str, Any]) -> dict[str, Any]:
    """Document a body that is read by hand, so that every fault is named at once and none by the framework."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


REASON_SCHEMA = {
    "type": "object",
    "required": ["reason"],
    "additionalProperties": False,
    "properties": {"reason": {"type": "string", "minLength": 1, "maxLength": MAX_REASON}},
}

router = APIRouter(prefix="/api", tags=["events"])


@router.post(
    "/events",
    status_code=202,
    summary="Ask for an event",
    responses=_refusals(409, 413, 415),
    openapi_extra=_request_body(REQUEST_SCHEMA),
)
def receive_event(
    request: Request,
    response: Response,
    caller: CallerDep,
    body: JsonBody,
    database: DatabaseDep,
    x_request_source: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> ReceiptView:
    """Take a request in. The same id and body again gets the same answer, at any time; every fault is named at once."""
    settings = get_settings()
    with database.connection() as conn:
        receipt = intake.receive(
            conn,
            body,
            identity=caller.identity,
            source="form" if x_request_source == "form" else "api",
            now=utc_now(),
            timezone=settings.timezone,
        )
    return _receipt(request, response, receipt)


@router.get("/events", summary="List events", responses=_refusals())
def list_events(
    caller: CallerDep,
    database: DatabaseDep,
    status: Annotated[list[str] | None, Query(description="One or more statuses.")] = None,
    tier: Annotated[str | None, Query(pattern="^(small|medium|large)$")] = None,
    customer: Annotated[str | None, Query(description="Customer id or e-mail address.")] = None,
    received_from: Annotated[AwareDatetime | None, Query(alias="from", description="Received at or after.")] = None,
    received_to: Annotated[AwareDatetime | None, Query(alias="to", description="Received before.")] = None,
    q: Annotated[str | None, Query(max_length=200, description="Part of name, id, e-mail address or slug.")] = None,
    limit: Annotated[int, Query(ge=1, le=store.MAX_PAGE)] = 50,
    cursor: Annotated[str | None, Query(max_length=400, description="`next_cursor` of the page before.")] = None,
) -> EventListView:
    """List events, newest first: a customer's own, a requester's own, or all of them for the staff."""
    wanted = store.EventFilter(
        **own_events_only(caller),
        status=status,
        tier=tier,
        customer=customer,
        received_from=received_from,
        received_to=received_to,
        text=q,
    )
    with database.connection() as conn:
        page = store.list_events(conn, wanted, after=decode_cursor(cursor), limit=limit)
    return EventListView(
        events=[event_summary(row, for_customer=caller.is_customer) for row in page.events],
        next_cursor=page.next_cursor.encode() if page.next_cursor else None,
    )


@router.get("/events/{request_id}", summary="Follow an event", responses=_refusals(404))
def show_event(request_id: RequestId, caller: CallerDep, database: DatabaseDep) -> EventView:
    """Show an event: its status, approvals, steps and what was made for it."""
    with database.connection() as conn:
        row = visible_event(conn, request_id, caller)
        steps = store.steps_of(conn, [request_id])[request_id]
    return event_view(row, steps, for_customer=caller.is_customer)


@router.post("/events/{request_id}/resume", status_code=202, summary="Take up again", responses=_refusals(404, 409))
def resume_event(
    request: Request, response: Response, request_id: RequestId, caller: CallerDep, database: DatabaseDep
) -> ReceiptView:
    """Take an expired or rolled-back request up again, without entering it again."""
    with database.connection() as conn:
        visible_event(conn, request_id, caller)
        receipt = intake.resume(
            conn,
            request_id=request_id,
            identity=caller.identity,
            now=utc_now(),
            timezone=get_settings().timezone,
        )
    return _receipt(request, response, receipt)


@router.post(
    "/events/{request_id}/decommission",
    status_code=202,
    summary="Take a live event down",
    responses=_refusals(404, 409, 413, 415),
    openapi_extra=_request_body(REASON_SCHEMA),
)
def decommission_event(request_id: RequestId, caller: StaffDep, body: JsonBody, database: DatabaseDep) -> RunView:
    """Start taking an event down: it is archived first and can be restored during its days of grace."""
    return _start(caller, "decommission", request_id, body, database)


@router.post(
    "/events/{request_id}/restore",
    status_code=202,
    summary="Bring a decommissioned event back",
    responses=_refusals(404, 409, 413, 415),
    openapi_extra=_request_body(REASON_SCHEMA),
)
def restore_event(request_id: RequestId, caller: StaffDep, body: JsonBody, database: DatabaseDep) -> RunView:
    """Start bringing an event back from its archive."""
    return _start(caller, "restore", request_id, body, database)


def own_events_only(caller: Caller) -> dict[str, str | None]:
    """Return the filter that fences a caller in: customers and requesters see their own, the staff everything."""
    if caller.is_customer:
        return {"customer_id": caller.name}
    return {} if caller.is_staff else {"requester": caller.identity.requester}


def visible_event(conn: OpsConnection, request_id: str, caller: Caller) -> store.Row:
    """Return an event's row. Raise NotFound for one that is not there and for one that is somebody else's alike."""
    row = store.find_event(conn, request_id)
    if row is None or any(row[column] != value for column, value in own_events_only(caller).items()):
        raise NotFound(f"there is no event {request_id!r}")
    return row


def decode_cursor(text: str | None) -> store.Cursor | None:
    """Read a paging cursor. Raise Faulty when it is none."""
    try:
        return store.Cursor.decode(text) if text else None
    except store.InvalidCursor as error:
        raise Faulty("the address has faults", faults=[{"path": "query.cursor", "message": str(error)}]) from error


def _receipt(request: Request, response: Response, receipt: intake.Receipt) -> ReceiptView:
    response.headers["Location"] = event_api_path(request, receipt.request_id)
    return ReceiptView(
        request_id=receipt.request_id,
        status=receipt.status,
        created=receipt.created,
        attempt=receipt.attempt,
        status_url=public_event_api_url(receipt.request_id),
    )


def _start(caller: Caller, action: str, request_id: str, body: object, database: DatabaseDep) -> RunView:
    reason = _reason_in(body)
    with database.connection() as conn:
        row = visible_event(conn, request_id, caller)
    allowed = ACTION_STATUSES[action]
    if row["status"] not in allowed:
        wanted = " or ".join(sorted(allowed))
        raise Conflicting(f"the event is {row['status']}; to {action} it, it must be {wanted}", code="wrong_status")
    return start_action(caller, action=action, request_id=request_id, reason=reason)


def _reason_in(body: object) -> str:
    """Read `{"reason": "..."}`. Raise Faulty naming what is wrong."""
    reason = body.get("reason") if isinstance(body, dict) else None
    if not isinstance(body, dict) or set(body) - {"reason"}:
        fault = {"path": "", "message": 'must be an object with the one field "reason"'}
    elif not isinstance(reason, str) or not reason.strip().isprintable() or not 1 <= len(reason.strip()) <= MAX_REASON:
        fault = {"path": "reason", "message": f"must be one line of 1 to {MAX_REASON} characters"}
    else:
        return reason.strip()
    raise Faulty("the request has faults; all of them are listed", faults=[fault])
