"""Taking a request in: once, however often and however many at a time it is sent.

Duplicates are looked for among the requests of the same customer, and only there. With an API key that is the key's
customer, whatever address the body names: nobody sees another customer's request ids, or is in the way of its dates.
People who log in enter requests for customers who have no key; there the customer is the e-mail address in the body,
among requests that came in without a key: no key holder can get in their way with an address that is not its own.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self, cast
from zoneinfo import ZoneInfo

import psycopg

from include.events.errors import (
    Fault,
    InvalidRequest,
    NotResumable,
    RequestIdReused,
    SimilarRequest,
    StaleAttempt,
    UnknownRequest,
)
from include.events.request import EventRequest, body_hash, find_request_id, parse_request
from include.events.run_ids import is_run_for
from include.events.similarity import SIMILAR_FROM, similarity
from include.events.slug import slug_for
from include.store import events as store

log = logging.getLogger(__name__)

# A request in one of these stands for an event that is or will be there; the others ended without one.
LIVE_STATUSES = frozenset(
    {"received", "planned", "awaiting_approval", "approved", "configuring", "completed", "restored", "decommissioning"}
)
# Ended with nothing left of it, so it can begin again. A person's no is not taken up again.
RESUMABLE_STATUSES = frozenset({"expired", "rolled_back"})
SLUG_CANDIDATES = 100
DEFAULT_TIMEZONE = "Asia/Seoul"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who asks, as authenticated; never taken from a body."""

    requester: str
    customer_id: str | None = None

    @classmethod
    def user(cls, name: str) -> Self:
        """Return a person or service that logged in to Airflow."""
        return cls(requester=f"user:{name}")

    @classmethod
    def customer(cls, customer_id: str) -> Self:
        """Return the customer to whom an API key belongs."""
        return cls(requester=f"customer:{customer_id}", customer_id=customer_id)


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of a request that was sent. `created` is False when it was there before."""

    request_id: str
    created: bool
    status: str
    attempt: int
    dag_run_id: str | None


def receive(
    conn: psycopg.Connection[Any],
    body: object,
    *,
    identity: Identity,
    source: str,
    now: datetime,
    dag_run_id: str | None = None,
    timezone: str = DEFAULT_TIMEZONE,
) -> Receipt:
    """Take a request in, in one transaction; `source` is "api", "form" or "airflow".

    The same id and body again returns the first receipt, also after the event. `dag_run_id` is the run that brought the
    request itself; without one the engine starts a run. `timezone` is where a date begins for the duplicate check.

    Raises InvalidRequest (all faults), RequestIdReused or SimilarRequest; nothing is changed then.
    """
    with conn.transaction():
        if (known := _find_same(conn, body, identity)) is not None:
            return known
        request = parse_request(body, now=now)
        valid_body = cast("dict[str, Any]", body)
        email = request.customer.email.lower()
        customer_id = identity.customer_id
        store.lock_for_intake(conn, request_id=request.request_id, customer_id=customer_id, customer_email=email)
        # Again, now that nobody else can be entering it.
        if (known := _find_same(conn, body, identity)) is not None:
            return known
        others = store.list_customer_requests(conn, customer_id=customer_id, customer_email=email)
        _refuse_similar(request, others, zone=ZoneInfo(timezone))
        new = store.NewRequest(
            request_id=request.request_id,
            body=valid_body,
            body_hash=body_hash(valid_body),
            source=source,
            requester=identity.requester,
            customer_id=customer_id,
            customer_email=email,
            event_name=request.event.name,
            starts_at=request.event.starts_at,
            ends_at=request.event.ends_at,
            expected_attendees=request.event.expected_attendees,
            not_duplicate_of=request.not_duplicate_of,
            slug=_free_slug(conn, request),
        )
        store.insert_request(conn, new)
        if dag_run_id is not None:
            store.set_run(conn, request.request_id, dag_run_id)
        store.record(
            conn,
            actor=identity.requester,
            action="event.receive",
            request_id=request.request_id,
            reason=f"requested by {source}",
            before=None,
            after={"body_hash": new.body_hash, "slug": new.slug, "status": "received"},
        )
        store.notify_intake(conn, request.request_id)
    log.info("Received request %s from %s, slug %s", new.request_id, new.requester, new.slug)
    return Receipt(request_id=new.request_id, created=True, status="received", attempt=1, dag_run_id=dag_run_id)


def resume(
    conn: psycopg.Connection[Any],
    *,
    request_id: str,
    identity: Identity,
    now: datetime,
    timezone: str = DEFAULT_TIMEZONE,
) -> Receipt:
    """Take an expired or rolled-back request up again as its next attempt, without entering it again.

    Raises UnknownRequest (also for another customer's), NotResumable, InvalidRequest when its start has passed
    meanwhile, SimilarRequest when another one took its place.
    """
    with conn.transaction():
        row = store.find_request(conn, request_id)
        if row is None or (identity.customer_id is not None and identity.customer_id != row["customer_id"]):
            raise UnknownRequest(f"there is no request {request_id!r}")
        # Whoever resumes it, it is the request of its customer.
        customer = {"customer_id": row["customer_id"], "customer_email": row["customer_email"]}
        store.lock_for_intake(conn, request_id=request_id, **customer)
        row = store.find_request(conn, request_id) or row
        if row["status"] not in RESUMABLE_STATUSES and not _answer_was_refused(row):
            raise _not_resumable(row)
        request = parse_request(row["body"], now=now)
        others = store.list_customer_requests(conn, **customer)
        _refuse_similar(
            request, [other for other in others if other["request_id"] != request_id], zone=ZoneInfo(timezone)
        )
        attempt = store.start_attempt(conn, request_id, row["attempt"])
        if attempt is None:  # a task moved it on since we looked
            raise _not_resumable(store.find_request(conn, request_id) or row)
        store.record(
            conn,
            actor=identity.requester,
            action="event.resume",
            request_id=request_id,
            reason=f"taken up again after it was {row['status']}",
            before={"status": row["status"], "attempt": row["attempt"]},
            after={"status": "received", "attempt": attempt},
        )
        store.notify_intake(conn, request_id)
    log.info("Resumed request %s as attempt %s", request_id, attempt)
    return Receipt(request_id=request_id, created=False, status="received", attempt=attempt, dag_run_id=None)


def recall(conn: psycopg.Connection[Any], body: object, *, dag_run_id: str) -> Receipt:
    """Return the receipt of the request for which the engine started a run, with the body on record.

    Raises UnknownRequest; StaleAttempt when the run is not one for the request's present attempt.
    """
    request_id = find_request_id(body)
    row = store.find_request(conn, request_id) if request_id else None
    if row is None:
        raise UnknownRequest(f"run {dag_run_id!r} is for a request that is not on record: {request_id!r}")
    if not is_run_for(dag_run_id, row["request_id"], row["attempt"]):
        raise StaleAttempt(f"request {request_id!r} is in attempt {row['attempt']}; run {dag_run_id!r} is not for it")
    return _receipt_of(row)


def _find_same(conn: psycopg.Connection[Any], body: object, identity: Identity) -> Receipt | None:
    """Return the receipt of the same request, None when the id is new. Raises RequestIdReused.

    Looked up before the body is judged: a request is repeated after its start too, when it would be no valid new one.
    """
    request_id = find_request_id(body)
    row = store.find_request(conn, request_id) if request_id else None
    if request_id is None or row is None:
        return None
    foreign = identity.customer_id is not None and row["customer_id"] != identity.customer_id
    if foreign or not _same_body(cast("dict[str, Any]", body), row["body_hash"]):
        raise RequestIdReused(request_id)
    return _receipt_of(row)


def _receipt_of(row: store.Row) -> Receipt:
    """Return the receipt of a request that was there before."""
    return Receipt(
        request_id=row["request_id"],
        created=False,
        status=row["status"],
        attempt=row["attempt"],
        dag_run_id=row["dag_run_id"],
    )


def _not_resumable(row: store.Row) -> NotResumable:
    return NotResumable(
        f"request {row['request_id']!r} is {row['status']}; only {' or '.join(sorted(RESUMABLE_STATUSES))} ones can be"
        " taken up again"
    )


def _answer_was_refused(row: store.Row) -> bool:
    """Tell whether the last no came only from an answer that did not count, so that the question is open again."""
    return row["status"] == "rejected" and bool(row["approvals"]) and row["approvals"][-1]["kind"] == "refused"


def _same_body(body: dict[str, Any], expected_hash: str) -> bool:
    """Compare by hash; what cannot even be written as JSON is another body."""
    try:
        return body_hash(body) == expected_hash
    except (TypeError, ValueError, RecursionError):
        return False


def _refuse_similar(request: EventRequest, others: list[store.Row], *, zone: ZoneInfo) -> None:
    """Raise SimilarRequest when a live request of the customer is much the same and not excepted."""
    excepted = _excepted(request, others)
    for other in others:
        if other["status"] not in LIVE_STATUSES or other["request_id"] in excepted:
            continue
        if _overlap(request, other, zone) and similarity(request.event.name, other["event_name"]) >= SIMILAR_FROM:
            raise SimilarRequest(other["request_id"])


def _excepted(request: EventRequest, others: list[store.Row]) -> frozenset[str]:
    """Return the requests that `not_duplicate_of` speaks of: the named one and those told apart from it before.

    A show's third day names the first day; the second, which did so too, is meant as well.
    """
    named = request.not_duplicate_of
    if named is None:
        return frozenset()
    by_id = {other["request_id"]: other for other in others}
    if named not in by_id:
        raise InvalidRequest([Fault("not_duplicate_of", "names no request of this customer")])
    family = {named}
    parent = by_id[named]["not_duplicate_of"]
    while parent in by_id and parent not in family:
        family.add(parent)
        parent = by_id[parent]["not_duplicate_of"]
    # Oldest first, so a chain of any length is found in one pass.
    for other in others:
        if other["not_duplicate_of"] in family:
            family.add(other["request_id"])
    return frozenset(family)


def _overlap(request: EventRequest, other: store.Row, zone: ZoneInfo) -> bool:
    """Compare calendar days: a morning and an evening of one day overlap, a second day does not."""

    def day(instant: datetime) -> date:
        return instant.astimezone(zone).date()

    first, last = day(request.event.starts_at), day(request.event.ends_at)
    return first <= day(other["ends_at"]) and day(other["starts_at"]) <= last


def _free_slug(conn: psycopg.Connection[Any], request: EventRequest) -> str:
    """Return the first free candidate; the unique column decides when two take the same at once."""
    for salt in range(SLUG_CANDIDATES):
        slug = slug_for(request.event.name, request.request_id, salt=salt)
        if not store.slug_is_taken(conn, slug):
            return slug
    raise RequestIdReused(request.request_id)
