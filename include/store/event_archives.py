"""Queries on archives of events that were or will be taken down, and on what a purge takes and leaves of a request.

Callers open the transaction; nothing here commits. Times are the database's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from psycopg.types.json import Jsonb

from include.store.events import Connection, Row, fetch_all, fetch_one

# What stands where a person's data stood. ".invalid" can never be delivered to (RFC 2606).
REMOVED = "(removed)"
REMOVED_EMAIL = "removed@purged.invalid"
# Of requests that never became events, with nothing of them left anywhere.
ENDED_STATUSES = frozenset({"invalid", "rejected", "expired", "cancelled", "rolled_back"})
# Keys of a request's `result`: the approval to take it down, what had been made for it, how far its restore is.
DECOMMISSION_KEY = "decommission"
TAKEN_DOWN_KEY = "taken_down"
RESTORE_KEY = "restore"
# Stays afterwards: the archive from which a live event was restored.
RESTORED_FROM_KEY = "restored_from"
OWN_KEYS = (DECOMMISSION_KEY, TAKEN_DOWN_KEY, RESTORE_KEY)


def add_archive(
    conn: Connection,
    request_id: str,
    *,
    archived_at: datetime,
    path: str,
    sha256: str,
    row_counts: Mapping[str, int],
    grace_days: int,
) -> None:
    """Enter an archive; `path` is relative to the folder of all archives."""
    conn.execute(
        "INSERT INTO ops.event_archives (request_id, archived_at, path, sha256, row_counts, purge_after)"
        " VALUES (%(id)s, %(at)s, %(path)s, %(sha256)s, %(rows)s, now() + make_interval(days => %(days)s))",
        {
            "id": request_id,
            "at": archived_at,
            "path": path,
            "sha256": sha256,
            "rows": Jsonb(dict(row_counts)),
            "days": grace_days,
        },
    )


def find_archive(conn: Connection, request_id: str) -> Row | None:
    """Return the latest archive of an event that was not purged."""
    return fetch_one(
        conn,
        "SELECT * FROM ops.event_archives WHERE request_id = %s AND purged_at IS NULL"
        " ORDER BY archived_at DESC LIMIT 1",
        (request_id,),
    )


def list_archives(conn: Connection, request_id: str, *, due_at: datetime | None = None) -> list[Row]:
    """Return all archives of an event that were not purged; with `due_at` those only whose grace has ended by then."""
    return fetch_all(
        conn,
        "SELECT * FROM ops.event_archives WHERE request_id = %(id)s AND purged_at IS NULL"
        " AND (%(due_at)s::timestamptz IS NULL OR purge_after <= %(due_at)s) ORDER BY archived_at",
        {"id": request_id, "due_at": due_at},
    )


def list_due(conn: Connection, now: datetime, *, limit: int) -> list[Row]:
    """Return requests with archives whose grace has ended, the longest overdue first; those being taken down are not
    among them."""
    return fetch_all(
        conn,
        "SELECT r.request_id, r.attempt, r.slug, r.status, r.event_name, min(a.purge_after) AS purge_after"
        " FROM ops.event_archives AS a JOIN ops.event_requests AS r USING (request_id)"
        " WHERE a.purged_at IS NULL AND a.purge_after <= %(now)s AND r.status <> 'decommissioning'"
        " AND NOT (r.status = 'decommissioned' AND r.purge_after > %(now)s)"
        " GROUP BY r.request_id ORDER BY min(a.purge_after), r.request_id LIMIT %(limit)s",
        {"now": now, "limit": limit},
    )


def list_ended(conn: Connection, now: datetime, *, keep_days: int, limit: int) -> list[Row]:
    """Return requests that never became events, ended more than `keep_days` before `now` and still have personal data;
    the longest ended first. Where a rollback left something behind, the request is not over."""
    return fetch_all(
        conn,
        "SELECT request_id FROM ops.event_requests WHERE status = ANY (%(ended)s) AND customer_email <> %(removed)s"
        " AND coalesce(finished_at, updated_at) <= %(now)s - make_interval(days => %(days)s)"
        " ORDER BY coalesce(finished_at, updated_at), request_id LIMIT %(limit)s",
        {"ended": sorted(ENDED_STATUSES), "removed": REMOVED_EMAIL, "now": now, "days": keep_days, "limit": limit},
    )


def mark_purged(conn: Connection, request_id: str, paths: list[str]) -> None:
    """Note that archives are gone."""
    conn.execute(
        "UPDATE ops.event_archives SET purged_at = now()"
        " WHERE request_id = %s AND path = ANY (%s) AND purged_at IS NULL",
        (request_id, paths),
    )


def start_grace(conn: Connection, request_id: str, *, grace_days: int) -> datetime:
    """Let the grace of a taken-down event begin now, for its archives too. Return when it ends."""
    row = fetch_one(
        conn,
        "UPDATE ops.event_requests SET decommission_at = now(), purge_after = now() + make_interval(days => %s)"
        " WHERE request_id = %s RETURNING purge_after",
        (grace_days, request_id),
    )
    if row is None:
        raise LookupError(f"request {request_id!r} vanished: rows of event_requests are never deleted")
    conn.execute(
        "UPDATE ops.event_archives SET purge_after = %s WHERE request_id = %s AND purged_at IS NULL",
        (row["purge_after"], request_id),
    )
    purge_after: datetime = row["purge_after"]
    return purge_after


def set_live_again(conn: Connection, request_id: str) -> None:
    """Make a restored event a completed one. When it was configured stays: the figures are about that."""
    conn.execute(
        "UPDATE ops.event_requests SET status = 'completed', decommission_at = NULL, purge_after = NULL,"
        " result = result - %s::text[] WHERE request_id = %s",
        (list(OWN_KEYS), request_id),
    )


def anonymise(conn: Connection, request_id: str) -> None:
    """Remove every person from a request: the customer, notes and comments, and free text in which names may stand.

    Who asked and who approved stays (they are users or customers' ids), and so do times, sizes and the rating: the
    figures need them and nobody can be recognised by them. The ledger has no personal data of customers.
    """
    conn.execute(
        "UPDATE ops.event_requests SET body = jsonb_set(body #- '{event,notes}', '{customer}', jsonb_build_object("
        "'name', %(removed)s::text, 'email', %(email)s::text, 'phone', %(removed)s::text,"
        " 'language', body #> '{customer,language}')),"
        " customer_email = %(email)s, plan = NULL, result = '{}', error = NULL WHERE request_id = %(id)s",
        {"id": request_id, "removed": REMOVED, "email": REMOVED_EMAIL},
    )
    conn.execute("DELETE FROM ops.event_guides WHERE request_id = %s", (request_id,))
    conn.execute("UPDATE ops.event_ratings SET comment = NULL WHERE request_id = %s", (request_id,))
    conn.execute("UPDATE ops.event_steps SET detail = NULL WHERE request_id = %s", (request_id,))
    conn.execute("UPDATE ops.event_effects SET detail = NULL WHERE request_id = %s", (request_id,))
