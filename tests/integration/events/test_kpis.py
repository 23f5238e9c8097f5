"""KPIs against rows whose figures are known by counting them on paper."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from include.events import kpis
from include.events.kpis import Durations
from tests.support.databases import Database

MONDAY = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
MANUAL_MINUTES = 360


@pytest.fixture
def admin(ops_db: Database) -> Iterator[psycopg.Connection[DictRow]]:
    """Write history as the superuser: the ledger's own times cannot be chosen otherwise."""
    with ops_db.connect(autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")
        yield conn


@pytest.fixture
def console(ops_db: Database) -> Iterator[psycopg.Connection[DictRow]]:
    """Read with the least rights that a reader of figures has."""
    with ops_db.connect("ops_console", autocommit=True) as conn:
        yield conn


def add_request(
    conn: psycopg.Connection[DictRow],
    name: str,
    *,
    received_at: datetime,
    status: str,
    attempt: int = 1,
    work_minutes: float | None = None,
    waited_minutes: float | None = None,
    finished_at: datetime | None = None,
) -> None:
    """Enter a request; `work_minutes` make it a completed one, `waited_minutes` of which passed after the question."""
    asked_at = received_at + timedelta(minutes=1)
    approved_at = asked_at + timedelta(minutes=waited_minutes or 0)
    configured_at = None if work_minutes is None else approved_at + timedelta(minutes=work_minutes - 1)
    asked = [{"kind": "asked", "at": asked_at.isoformat(), "attempt": attempt}] if waited_minutes is not None else []
    conn.execute(
        "INSERT INTO ops.event_requests (request_id, body, body_hash, source, requester, customer_email, event_name,"
        " starts_at, ends_at, expected_attendees, slug, status, attempt, approvals, received_at, approved_at,"
        " configured_at, finished_at) VALUES (%s, '{}', '', 'api', 'user:a', 'a@example.com', %s, %s, %s, 80, %s, %s,"
        " %s, %s, %s, %s, %s, %s)",
        (
            name, name, received_at, received_at + timedelta(days=1), f"slug_{name}", status, attempt, Jsonb(asked),
            received_at, approved_at if configured_at else None, configured_at, finished_at or configured_at,
        ),
    )  # fmt: skip


def add_ledger_entry(
    conn: psycopg.Connection[DictRow], entry_id: int, name: str, action: str, at: datetime, **after: Any
) -> None:
    """Enter what the ledger would say, without its chain."""
    conn.execute(
        "INSERT INTO ops.ledger (entry_id, at, actor, action, target, reason, after, recorded_by, prev_hash,"
        " entry_hash) VALUES (%s, %s, 'a', %s, %s, 'r', %s, 'a', %s, %s)",
        (entry_id, at, action, f"event:{name}", Jsonb(after), bytes(32), entry_id.to_bytes(32, "big")),
    )


def measure(conn: psycopg.Connection[DictRow], *, since: datetime = MONDAY, days: int = 7) -> kpis.Kpis:
    until = since + timedelta(days=days)
    return kpis.measure(conn, since=since, until=until, manual_minutes_per_event=MANUAL_MINUTES)


def test_an_empty_history_has_no_figures(console: psycopg.Connection[DictRow]) -> None:
    measured = measure(console)
    assert (measured.received, measured.completed, measured.rollbacks, measured.ratings) == (0, 0, 0, 0)
    assert (measured.success_rate, measured.hours_saved, measured.mean_rating) == (None, None, None)
    assert measured.machine == measured.wall == Durations()


def test_times_with_and_without_the_wait_for_people(
    admin: psycopg.Connection[DictRow], console: psycopg.Connection[DictRow]
) -> None:
    for n, minutes in enumerate((10, 20, 30, 40)):
        waited = 120 if n == 3 else None
        add_request(admin, f"r{n}", received_at=MONDAY, status="completed", work_minutes=minutes, waited_minutes=waited)

    measured = measure(console)

    assert measured.machine == Durations(
        mean_seconds=pytest.approx(25 * 60), median_seconds=pytest.approx(25 * 60), p95_seconds=pytest.approx(38.5 * 60)
    )
    assert measured.wall.mean_seconds == pytest.approx((10 + 20 + 30 + 160) / 4 * 60)
    assert measured.automation_rate == 0.75
    assert measured.hours_saved == pytest.approx(4 * 6 - 100 / 60)


def test_rollbacks_are_counted_after_a_second_attempt_made_it(
    admin: psycopg.Connection[DictRow], console: psycopg.Connection[DictRow]
) -> None:
    add_request(admin, "again", received_at=MONDAY, status="completed", attempt=2, work_minutes=24 * 60 + 5)
    later = MONDAY + timedelta(days=1)
    add_ledger_entry(admin, 1, "again", "event.rollback_failed", MONDAY, attempt=1)
    add_ledger_entry(admin, 2, "again", "event.rolled_back", MONDAY + timedelta(hours=1), attempt=1)
    add_ledger_entry(admin, 3, "again", "event.resume", later, attempt=2)
    add_request(admin, "lost", received_at=MONDAY, status="rollback_failed", finished_at=later)
    add_ledger_entry(admin, 4, "lost", "event.rollback_failed", later, attempt=1)
    for n, status in enumerate(("rejected", "expired", "invalid")):
        add_request(admin, f"no{n}", received_at=MONDAY, status=status, finished_at=later)

    measured = measure(console)

    assert (measured.received, measured.completed, measured.failed) == (5, 1, 1)
    assert (measured.rollbacks, measured.complete_rollbacks) == (2, 1)
    assert measured.success_rate == pytest.approx(1 / 3)
    assert measured.error_rate == 0.5
    assert measured.machine.mean_seconds == pytest.approx(5 * 60), "measured from the resumption"
    assert measured.wall.mean_seconds == pytest.approx((24 * 60 + 5) * 60), "measured from the receipt"


def test_an_event_counts_as_completed_after_it_was_taken_down(
    admin: psycopg.Connection[DictRow], console: psycopg.Connection[DictRow]
) -> None:
    for status in ("decommissioning", "decommissioned", "purged"):
        add_request(admin, status, received_at=MONDAY, status=status, work_minutes=15)
    assert (measure(console).completed, measure(console).success_rate) == (3, 1.0)


def test_ratings_count_when_they_are_given(
    admin: psycopg.Connection[DictRow], console: psycopg.Connection[DictRow]
) -> None:
    for n, (score, day) in enumerate(((5, 1), (4, 2), (None, None), (1, 9))):
        add_request(admin, f"r{n}", received_at=MONDAY, status="completed", work_minutes=5)
        rated_at = None if day is None else MONDAY + timedelta(days=day)
        admin.execute(
            "INSERT INTO ops.event_ratings (request_id, token_hash, score, rated_at) VALUES (%s, %s, %s, %s)",
            (f"r{n}", n.to_bytes(32, "big"), score, rated_at),
        )
    measured = measure(console)
    assert (measured.ratings, measured.mean_rating) == (2, 4.5)


def test_periods_split_what_one_span_sums_up(
    admin: psycopg.Connection[DictRow], console: psycopg.Connection[DictRow]
) -> None:
    # 20:00 UTC is the next day in Seoul.
    for n, hours in enumerate((1, 20, 30, 24 * 8)):
        received_at = MONDAY + timedelta(hours=hours)
        add_request(admin, f"r{n}", received_at=received_at, status="completed", work_minutes=10 * (n + 1))

    def split(period: str) -> list[kpis.Kpis]:
        return kpis.by_period(
            console,
            period=period,
            since=MONDAY,
            until=MONDAY + timedelta(days=14),
            manual_minutes_per_event=MANUAL_MINUTES,
            timezone="Asia/Seoul",
        )

    days, weeks = split("day"), split("week")
    assert [day.completed for day in days[:3]] == [1, 2, 0]
    assert len(days) == 15, "cut at both ends, because the span begins at 09:00 in Seoul"
    assert [week.completed for week in weeks] == [3, 1, 0]
    assert sum(day.received for day in days) == measure(console, days=14).received == 4
    assert days[2].success_rate is None
    assert all(one.until == other.since for one, other in pairwise(days))


def test_an_unknown_period_and_an_empty_span_are_refused(console: psycopg.Connection[DictRow]) -> None:
    with pytest.raises(ValueError, match="fortnight"):
        kpis.by_period(
            console, period="fortnight", since=MONDAY, until=MONDAY + timedelta(days=1),
            manual_minutes_per_event=1, timezone="UTC",
        )  # fmt: skip
    with pytest.raises(ValueError, match="not after its start"):
        measure(console, days=0)
