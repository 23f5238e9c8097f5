"""Queries on the work for an event request: steps, messages, guides and ratings.

Callers open the transaction; nothing here commits.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.types.json import Jsonb

from include.store.events import Connection, Row, fetch_all, fetch_one


def start_step(conn: Connection, request_id: str, attempt: int, step: str) -> None:
    """Note that a step begins, again if need be."""
    conn.execute(
        "INSERT INTO ops.event_steps (request_id, attempt, step, state) VALUES (%s, %s, %s, 'running')"
        " ON CONFLICT (request_id, attempt, step)"
        " DO UPDATE SET state = excluded.state, started_at = now(), finished_at = NULL, detail = NULL",
        (request_id, attempt, step),
    )


def start_undo(conn: Connection, request_id: str, attempt: int, step: str) -> None:
    """Note that a step is being taken back, if it ever began; why it had failed stays."""
    conn.execute(
        "UPDATE ops.event_steps SET state = 'undoing' WHERE request_id = %s AND attempt = %s AND step = %s",
        (request_id, attempt, step),
    )


def finish_undo(conn: Connection, request_id: str, attempt: int, step: str) -> None:
    """Note that a step was taken back, if it ever began."""
    conn.execute(
        "UPDATE ops.event_steps SET state = 'undone', finished_at = now()"
        " WHERE request_id = %s AND attempt = %s AND step = %s",
        (request_id, attempt, step),
    )


def finish_step(
    conn: Connection, request_id: str, attempt: int, step: str, *, state: str, detail: Row | None = None
) -> None:
    """Note how a step ended."""
    conn.execute(
        "UPDATE ops.event_steps SET state = %s, finished_at = now(), detail = %s"
        " WHERE request_id = %s AND attempt = %s AND step = %s",
        (state, Jsonb(detail) if detail else None, request_id, attempt, step),
    )


def list_steps(conn: Connection, request_id: str, attempt: int) -> list[Row]:
    """Return the steps of an attempt in the order in which they began."""
    return fetch_all(
        conn,
        "SELECT step, state, started_at, finished_at, detail FROM ops.event_steps"
        " WHERE request_id = %s AND attempt = %s ORDER BY started_at, step",
        (request_id, attempt),
    )


def claim_effect(conn: Connection, request_id: str, effect_key: str, reference: str) -> Row:
    """Return the message's row, entering it as "sending" when it is new; `is_new` tells which."""
    row = fetch_one(
        conn,
        "INSERT INTO ops.event_effects (request_id, effect_key, state, reference) VALUES (%s, %s, 'sending', %s)"
        " ON CONFLICT (request_id, effect_key) DO NOTHING RETURNING *, true AS is_new",
        (request_id, effect_key, reference),
    )
    if row is not None:
        return row
    known = fetch_one(
        conn,
        "SELECT *, false AS is_new FROM ops.event_effects WHERE request_id = %s AND effect_key = %s",
        (request_id, effect_key),
    )
    if known is None:
        raise LookupError(f"message {effect_key} of {request_id} vanished: rows of event_effects are never deleted")
    return known


def finish_effect(
    conn: Connection, request_id: str, effect_key: str, *, state: str, reference: str, detail: Row | None = None
) -> None:
    """Note that a message was sent or refused, with the provider's id or our own."""
    conn.execute(
        "UPDATE ops.event_effects SET state = %s, reference = %s, detail = %s, at = now()"
        " WHERE request_id = %s AND effect_key = %s",
        (state, reference, Jsonb(detail) if detail else None, request_id, effect_key),
    )


def may_have_gone_out(conn: Connection, request_id: str, effect_keys: Sequence[str]) -> bool:
    """Tell whether any of some messages was sent, or was being sent when its sender was lost."""
    row = fetch_one(
        conn,
        "SELECT 1 AS one FROM ops.event_effects WHERE request_id = %s AND effect_key = ANY(%s) AND state <> 'failed'"
        " LIMIT 1",
        (request_id, list(effect_keys)),
    )
    return row is not None


def put_guide(conn: Connection, request_id: str, *, token_hash: bytes, language: str, html: str) -> None:
    """Keep a guide; a newer one replaces it, and with it the link."""
    conn.execute(
        "INSERT INTO ops.event_guides (request_id, token_hash, language, html) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (request_id) DO UPDATE SET token_hash = excluded.token_hash, language = excluded.language,"
        " html = excluded.html, created_at = now()",
        (request_id, token_hash, language, html),
    )


def guide_exists(conn: Connection, request_id: str, token_hash: bytes | None = None) -> bool:
    """Tell whether a request has a guide, behind a certain link if one is given."""
    row = fetch_one(
        conn,
        "SELECT 1 AS one FROM ops.event_guides WHERE request_id = %(id)s"
        " AND (%(hash)s::bytea IS NULL OR token_hash = %(hash)s)",
        {"id": request_id, "hash": token_hash},
    )
    return row is not None


def put_rating(conn: Connection, request_id: str, token_hash: bytes) -> None:
    """Make a rating possible; one that was given stays."""
    conn.execute(
        "INSERT INTO ops.event_ratings (request_id, token_hash) VALUES (%s, %s)"
        " ON CONFLICT (request_id) DO UPDATE SET token_hash = excluded.token_hash",
        (request_id, token_hash),
    )


def rating_exists(conn: Connection, request_id: str) -> bool:
    """Tell whether a request can be or was rated."""
    return fetch_one(conn, "SELECT 1 AS one FROM ops.event_ratings WHERE request_id = %s", (request_id,)) is not None


def delete_guide_and_rating(conn: Connection, request_id: str) -> None:
    """Take away the guide and the rating link. A rating that was given is history and stays."""
    conn.execute("DELETE FROM ops.event_guides WHERE request_id = %s", (request_id,))
    conn.execute("DELETE FROM ops.event_ratings WHERE request_id = %s AND score IS NULL", (request_id,))


def list_untold(conn: Connection, *, status: str, effect: str, idle_seconds: float, within_seconds: float) -> list[Row]:
    """Return requests that ended in a status lately with the customer not told: no message `effect`:<attempt> went.

    A refused message that was reported to the operators (`effect`:<attempt>:refused) counts as told.

    "Lately" leaves out what was touched in the last `idle_seconds`, and what ended more than `within_seconds` ago.
    """
    return fetch_all(
        conn,
        "SELECT request_id, attempt, status, dag_run_id FROM ops.event_requests AS r WHERE status = %(status)s"
        " AND updated_at < now() - make_interval(secs => %(idle)s)"
        " AND finished_at > now() - make_interval(secs => %(within)s)"
        " AND NOT EXISTS (SELECT FROM ops.event_effects AS e WHERE e.request_id = r.request_id AND e.state = 'sent'"
        " AND e.effect_key IN (concat(%(effect)s::text, ':', r.attempt),"
        " concat(%(effect)s::text, ':', r.attempt, ':refused'))) ORDER BY finished_at",
        {"status": status, "idle": idle_seconds, "within": within_seconds, "effect": effect},
    )


def list_unfinished(conn: Connection, *, statuses: Sequence[str], idle_seconds: float) -> list[Row]:
    """Return requests in some statuses at which nothing was done for a while, the longest waiting first."""
    return fetch_all(
        conn,
        "SELECT request_id, attempt, status, dag_run_id, updated_at FROM ops.event_requests"
        " WHERE status = ANY(%s) AND updated_at < now() - make_interval(secs => %s) ORDER BY updated_at",
        (list(statuses), idle_seconds),
    )
