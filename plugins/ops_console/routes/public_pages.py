"""Pages for customers: asking for an event, following it, its guide, and what they thought of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse

from include.common.clock import utc_now
from include.events.lifecycle import STEPS
from include.settings import get_settings
from include.store import console as store
from ops_console.dependencies import DatabaseDep, OptionalCallerDep
from ops_console.errors import NotFound
from ops_console.headers import GUIDE_POLICY
from ops_console.language import Wording, chosen_language, texts
from ops_console.pages import render, wording_for
from ops_console.progress import STAGE_TIMES, STAGES, progress_table

MAX_COMMENT = 2000

Token = Annotated[str, Path(min_length=1, max_length=200)]
Score = Annotated[int | None, Query(ge=1, le=5)]

router = APIRouter(include_in_schema=False)


@router.get("/request")
def request_form(request: Request, caller: OptionalCallerDep) -> HTMLResponse:
    """Show the form. Somebody who is logged in to Airflow needs no key."""
    return render(
        request,
        "request_form.html",
        caller=caller,
        section="request",
        signed_in=caller is not None and caller.may_request,
        default_offset=_offset_now(),
        script_texts=_form_texts(wording_for(request)),
    )


@router.get("/request/{request_id}")
def request_status(
    request: Request, request_id: Annotated[str, Path(max_length=80)], caller: OptionalCallerDep
) -> HTMLResponse:
    """Show the page that follows a request; what it shows comes from the API, with the customer's key."""
    return render(
        request,
        "request_status.html",
        caller=caller,
        request_id=request_id,
        script_texts=_status_texts(wording_for(request)),
    )


@router.get("/guides/{token}")
def guide(token: Token, database: DatabaseDep) -> HTMLResponse:
    """Show a generated guide, as it is. Whoever has the link may read it.

    It is looked up by the hash of its token. The whole link is kept too, in the request's `result`, where staff and the
    customer find it again.
    """
    with database.connection() as conn:
        found = store.find_guide(conn, token)
    if found is None:
        raise NotFound("this guide does not exist (any more)")
    headers = {
        "Content-Security-Policy": GUIDE_POLICY,
        "Referrer-Policy": "no-referrer",
        "Content-Language": found["language"],
    }
    return HTMLResponse(found["html"], headers=headers)


@router.get("/ratings/{token}")
def ask_rating(request: Request, token: Token, database: DatabaseDep, score: Score = None) -> HTMLResponse:
    """Ask for a rating. Nothing is stored by looking: mail scanners open every link."""
    return _rating_page(request, _known_rating(database, token), score=score)


@router.post("/ratings/{token}")
def store_rating(
    request: Request,
    token: Token,
    database: DatabaseDep,
    score: Annotated[str, Form()] = "",
    comment: Annotated[str, Form()] = "",
) -> HTMLResponse:
    """Store a rating; a second one replaces the first. The link is the permission, so there is nothing to forge."""
    rating = _known_rating(database, token)
    wording = wording_for(request, rating["language"])
    text = comment.replace("\0", "").strip()
    if score not in {"1", "2", "3", "4", "5"}:
        return _rating_page(request, rating, problem=wording.text("rating.choose"), status_code=422)
    if len(text) > MAX_COMMENT:
        problem = wording.text("rating.too_long", n=MAX_COMMENT)
        return _rating_page(request, rating, score=int(score), problem=problem, status_code=422)
    with database.connection() as conn:
        store.rate(conn, token, score=int(score), comment=text or None)
    return _rating_page(request, rating, done=True)


def _known_rating(database: DatabaseDep, token: str) -> store.Row:
    with database.connection() as conn:
        rating = store.find_rating(conn, token)
    if rating is None:
        raise NotFound("this link does not exist (any more)")
    return rating


def _rating_page(
    request: Request,
    rating: store.Row,
    *,
    score: int | None = None,
    problem: str | None = None,
    done: bool = False,
    status_code: int = 200,
) -> HTMLResponse:
    page = render(
        request,
        "rating.html",
        language=chosen_language(request) or rating["language"],
        status_code=status_code,
        event_name=rating["event_name"],
        score=score or rating["score"],
        problem=problem,
        done=done,
    )
    page.headers["Referrer-Policy"] = "no-referrer"
    return page


def _offset_now() -> str:
    """Return the configured zone's offset as `+09:00`."""
    now: datetime = utc_now().astimezone(get_settings().zone)
    return now.isoformat()[-6:]


def _form_texts(wording: Wording) -> dict[str, Any]:
    return {
        **wording.group("form_script"),
        "labels": wording.group("form_label"),
        "faults": texts(wording.language)["form_faults"],
    }


def _status_texts(wording: Wording) -> dict[str, Any]:
    return {
        **wording.group("track_script"),
        "status": wording.group("status"),
        "sentence": wording.group("sentence"),
        "stages": wording.group("stage"),
        "progress": progress_table(),
        "stage_order": STAGES,
        "stage_times": STAGE_TIMES,
        "steps_total": len(STEPS),
        "time_zone": get_settings().timezone,
    }
