"""Load the invented years into the platform's tables, by COPY in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from sandbox.platform_db.generator import World, generate
from sandbox.platform_db.profiles import VENUES

# To be raised when the generator makes other rows than before: databases seeded by the old one are then seeded again.
GENERATION = 1
TABLES = ("customers", "venues", "events", "gates", "participants", "entry_logs")
KEYS = dict(zip(TABLES, ("customer_id", "venue_id", "event_id", "gate_id", "participant_id", "entry_id"), strict=True))

Announce = Callable[[str], None]
Row = Sequence[Any]


@dataclass(frozen=True, kw_only=True)
class Seeded:
    """Rows per table; `skipped` when the same data was there already."""

    rows: dict[str, int]
    seconds: float
    skipped: bool = False


def seed(dsn: str, *, rows: int, seed: int, until: date, announce: Announce) -> Seeded:
    """Fill the tables with about `rows` rows, replacing what is there unless it is the same data."""
    started = time.monotonic()
    with psycopg.connect(dsn) as conn:
        mark = f"seeded: rows={rows} seed={seed} generation={GENERATION}"
        if _mark(conn) == mark:
            return Seeded(rows=_counts(conn), seconds=time.monotonic() - started, skipped=True)
        conn.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(map(_table, TABLES))))
        loaded = _load(conn, generate(rows=rows, seed=seed, until=until), announce)
        conn.execute(sql.SQL("COMMENT ON TABLE public.events IS {}").format(sql.Literal(mark)))
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.SQL(", ").join(map(_table, TABLES))))
    return Seeded(rows=loaded, seconds=time.monotonic() - started)


def _load(conn: psycopg.Connection[Any], world: World, announce: Announce) -> dict[str, int]:
    sources: dict[str, Iterable[Row]] = {
        "customers": _customers(world),
        "venues": ((number, v.name, v.city, v.capacity, v.max_gates) for number, v in enumerate(VENUES, start=1)),
        "events": _events(world),
        "gates": _gates(world),
        "participants": chain.from_iterable(map(world.participants, world.events)),
        "entry_logs": _entries(world),
    }
    loaded = {}
    for table, source in sources.items():
        began = time.monotonic()
        loaded[table] = _copy(conn, table, source)
        announce(f"  {table:<12} {loaded[table]:>9,} rows  {time.monotonic() - began:5.1f} s")
    return loaded


def _copy(conn: psycopg.Connection[Any], table: str, rows: Iterable[Row]) -> int:
    count = 0
    statement = sql.SQL("COPY {} FROM STDIN").format(_table(table))
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for count, row in enumerate(rows, start=1):  # noqa: B007 - the last number is the count
            copy.write_row(row)
    advance = sql.SQL("SELECT setval(pg_get_serial_sequence({}, {}), {})")
    key = sql.Literal(KEYS[table])
    conn.execute(advance.format(sql.Literal(f"public.{table}"), key, sql.Literal(max(count, 1))))
    return count


def _customers(world: World) -> Iterator[Row]:
    for one in world.customers:
        yield one.customer_id, one.name, one.kind, one.email, one.phone, one.language, one.created_at


def _events(world: World) -> Iterator[Row]:
    for event in world.events:
        series = event.series
        settings = {
            "access_policy": series.access_policy,
            "notification_settings": series.notification_settings,
            "language": series.customer.language,
        }
        yield (
            event.event_id,
            series.customer.customer_id,
            series.venue_id,
            event.name,
            series.profile.event_type,
            event.status,
            event.expected_attendees,
            event.gate_count,
            event.starts_at,
            event.ends_at,
            Jsonb(settings),
            event.created_at,
        )


def _gates(world: World) -> Iterator[Row]:
    for event in world.events:
        for number in range(event.gate_count):
            yield event.first_gate_id + number, event.event_id, number + 1, f"Gate {number + 1}"


def _entries(world: World) -> Iterator[Row]:
    entries = chain.from_iterable(map(world.entries, world.events))
    return ((entry_id, *entry) for entry_id, entry in enumerate(entries, start=1))


def _mark(conn: psycopg.Connection[Any]) -> str | None:
    row = conn.execute("SELECT obj_description('public.events'::regclass)").fetchone()
    return row[0] if row else None


def _counts(conn: psycopg.Connection[Any]) -> dict[str, int]:
    counts = {}
    for table in TABLES:
        row = conn.execute(sql.SQL("SELECT count(*) FROM {}").format(_table(table))).fetchone()
        counts[table] = int(row[0]) if row else 0
    return counts


def _table(name: str) -> sql.Identifier:
    return sql.Identifier("public", name)
