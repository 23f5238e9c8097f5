"""What the API reads from and writes to an event's own schema; always under one of the event's roles."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg import sql

from sandbox.platform_api.database import Connection, Row


async def _rows(connection: Connection, statement: LiteralString, schema: str, *parameters: Any) -> list[Row]:
    cursor = await connection.execute(sql.SQL(statement).format(schema=sql.Identifier(schema)), parameters)
    return await cursor.fetchall()


async def read_event(connection: Connection, schema: str) -> Row:
    """Return the event's description with its counts."""
    rows = await _rows(
        connection,
        "SELECT slug, name, venue, event_type, starts_at, ends_at, expected_attendees, language,"
        " (SELECT count(*) FROM {schema}.participants WHERE status <> 'cancelled') AS participants,"
        " (SELECT count(*) FROM {schema}.gates) AS gates,"
        " (SELECT count(*) FROM {schema}.gates WHERE is_open) AS open_gates,"
        " (SELECT count(*) FROM {schema}.entry_logs WHERE outcome = 'admitted') AS entries,"
        " (SELECT count(*) FROM {schema}.entry_logs WHERE outcome = 'refused') AS refused"
        " FROM {schema}.event_info",
        schema,
    )
    return rows[0]


async def read_participants(connection: Connection, schema: str, *, limit: int, offset: int) -> list[Row]:
    """Return participants in the order of their registration."""
    return await _rows(
        connection,
        "SELECT participant_id, name, email, status, registered_at FROM {schema}.participants"
        " ORDER BY participant_id LIMIT %s OFFSET %s",
        schema,
        limit,
        offset,
    )


async def add_participant(connection: Connection, schema: str, *, name: str, email: str) -> Row | None:
    """Register a participant; None when the address is registered."""
    rows = await _rows(
        connection,
        "INSERT INTO {schema}.participants (name, email) VALUES (%s, lower(%s)) ON CONFLICT (email) DO NOTHING"
        " RETURNING participant_id, name, email, status, registered_at",
        schema,
        name,
        email,
    )
    return rows[0] if rows else None


async def read_gates(connection: Connection, schema: str) -> list[Row]:
    """Return the gates with how many people each let in."""
    return await _rows(
        connection,
        "SELECT gate_id, name, is_open, count(e.entry_id) FILTER (WHERE e.outcome = 'admitted') AS entries"
        " FROM {schema}.gates LEFT JOIN {schema}.entry_logs AS e USING (gate_id)"
        " GROUP BY gate_id, name, is_open ORDER BY gate_id",
        schema,
    )


async def read_entries(connection: Connection, schema: str, *, limit: int, offset: int) -> list[Row]:
    """Return entries, newest first."""
    return await _rows(
        connection,
        "SELECT entry_id, gate_id, participant_id, outcome, entered_at FROM {schema}.entry_logs"
        " ORDER BY entered_at DESC, entry_id DESC LIMIT %s OFFSET %s",
        schema,
        limit,
        offset,
    )


async def add_entry(connection: Connection, schema: str, *, gate_id: int, participant_id: int, outcome: str) -> Row:
    """Write down that somebody came to a gate. Raises ForeignKeyViolation for a gate or person that is unknown."""
    rows = await _rows(
        connection,
        "INSERT INTO {schema}.entry_logs (gate_id, participant_id, outcome) VALUES (%s, %s, %s)"
        " RETURNING entry_id, gate_id, participant_id, outcome, entered_at",
        schema,
        gate_id,
        participant_id,
        outcome,
    )
    return rows[0]


async def read_participant_statuses(connection: Connection, schema: str) -> dict[str, int]:
    """Return how many participants there are of each status."""
    rows = await _rows(connection, "SELECT status, count(*) FROM {schema}.participants GROUP BY status", schema)
    return {row["status"]: row["count"] for row in rows}


async def read_entries_per_hour(connection: Connection, schema: str, *, hours: int) -> list[tuple[datetime, int]]:
    """Return the people let in per hour for the last `hours` hours, the current one last, hours without any too."""
    rows = await _rows(
        connection,
        "SELECT hour, count(e.entry_id) FROM generate_series(date_trunc('hour', now()) - %s::interval,"
        " date_trunc('hour', now()), interval '1 hour') AS hour"
        " LEFT JOIN {schema}.entry_logs AS e ON e.outcome = 'admitted'"
        " AND e.entered_at >= hour AND e.entered_at < hour + interval '1 hour'"
        " GROUP BY hour ORDER BY hour",
        schema,
        timedelta(hours=hours - 1),
    )
    return [(row["hour"], row["count"]) for row in rows]
