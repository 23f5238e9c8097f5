"""The rows of an event's own tables, as far as the platform lets us: to archive them and to load them again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from psycopg.rows import class_row, tuple_row

from include.events.archive import TABLES, RowsDigest, digest_rows
from include.events.names import EventKey
from include.store.events import Connection, fetch_one

ROWS_PER_FETCH = 2_000
ROWS_PER_CALL = 1_000


@dataclass(frozen=True, kw_only=True)
class TableSize:
    """One table of an event; bytes with its indexes."""

    table_name: str
    row_count: int
    bytes: int


def schema_exists(platform: Connection, key: EventKey) -> bool:
    """Tell whether the event has its schema."""
    row = fetch_one(platform, "SELECT platform_ops.event_schema_state(%s) -> 'schema_exists' AS there", (key.slug,))
    return bool(row and row["there"])


def measure_tables(platform: Connection, key: EventKey) -> list[TableSize]:
    """Return how much there is in each table, by name."""
    with platform.cursor(row_factory=class_row(TableSize)) as cursor:
        query = "SELECT * FROM platform_ops.event_table_sizes(%s, %s)"
        return cursor.execute(query, (key.slug, key.request_id)).fetchall()


def export_rows(platform: Connection, key: EventKey, table: str) -> Iterator[str]:
    """Yield a table's rows as JSON in the order of their key. To be called in a transaction."""
    with platform.cursor(name=f"export_{table}", row_factory=tuple_row) as cursor:
        cursor.itersize = ROWS_PER_FETCH
        query = "SELECT event_row::text FROM platform_ops.export_event_rows(%s, %s, %s) AS event_row"
        for (line,) in cursor.execute(query, (key.slug, key.request_id, table)):
            yield line


def digest_tables(platform: Connection, key: EventKey) -> dict[str, RowsDigest]:
    """Return what each table has. To be called in a transaction."""
    return {table: digest_rows(export_rows(platform, key, table)) for table in TABLES}


def freeze(platform: Connection, key: EventKey) -> None:
    """Keep everybody from writing the event's tables until the transaction ends; who writes is waited for."""
    platform.execute("SELECT platform_ops.freeze_event(%s, %s)", (key.slug, key.request_id))


def empty(platform: Connection, key: EventKey) -> None:
    """Empty the event's tables."""
    platform.execute("SELECT platform_ops.empty_event_tables(%s, %s)", (key.slug, key.request_id))


def load_rows(platform: Connection, key: EventKey, table: str, lines: Iterable[str]) -> None:
    """Put rows back under the keys that they had."""
    rest = iter(lines)
    while batch := list(islice(rest, ROWS_PER_CALL)):
        platform.execute(
            "SELECT platform_ops.import_event_rows(%s, %s, %s, %s::jsonb)",
            (key.slug, key.request_id, table, f"[{','.join(batch)}]"),
        )
