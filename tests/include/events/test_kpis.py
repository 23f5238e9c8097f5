"""Formulas and calendar of the KPIs; what the database counts is tested against real rows elsewhere."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from include.events.kpis import Kpis, Period, period_starts

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
UNTIL = datetime(2026, 4, 1, tzinfo=UTC)
SEOUL = ZoneInfo("Asia/Seoul")
BERLIN = ZoneInfo("Europe/Berlin")


def kpis(**figures: float) -> Kpis:
    return Kpis(since=SINCE, until=UNTIL, manual_minutes_per_event=360, **figures)  # type: ignore[arg-type]


def test_rates_are_shares_of_what_they_say() -> None:
    measured = kpis(
        completed=90, rollbacks=10, complete_rollbacks=9, failed=10, automatic=60, machine_seconds=90 * 15 * 60
    )
    assert measured.success_rate == 0.9
    assert measured.error_rate == 0.1
    assert measured.complete_rollback_share == 0.9
    assert measured.automation_rate == pytest.approx(2 / 3)
    assert measured.hours_saved == 90 * (360 - 15) / 60


def test_nothing_measured_is_no_data_and_not_zero() -> None:
    nothing = kpis()
    rates = (nothing.success_rate, nothing.error_rate, nothing.complete_rollback_share, nothing.automation_rate)
    assert rates == (None, None, None, None)
    assert (nothing.hours_saved, nothing.mean_rating) == (None, None)
    assert (nothing.machine.mean_seconds, nothing.wall.p95_seconds) == (None, None)


def test_an_event_that_took_longer_than_by_hand_saved_less_than_nothing() -> None:
    assert kpis(completed=1, machine_seconds=7 * 3600.0).hours_saved == -1


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        (Period.DAY, ["2026-12-31", "2027-01-01", "2027-01-02", "2027-01-03", "2027-01-04"]),
        (Period.WEEK, ["2027-01-04"]),
        (Period.MONTH, ["2027-01-01"]),
    ],
)
def test_periods_begin_at_midnight_where_people_are(period: Period, expected: list[str]) -> None:
    since = datetime(2026, 12, 30, 3, 0, tzinfo=UTC)
    until = datetime(2027, 1, 4, 0, 0, tzinfo=UTC)
    starts = [start.astimezone(SEOUL) for start in period_starts(period, since=since, until=until, zone=SEOUL)]
    assert [start.isoformat() for start in starts] == [f"{day}T00:00:00+09:00" for day in expected]


def test_a_start_that_is_a_bound_is_not_given_twice() -> None:
    since = datetime(2026, 3, 2, tzinfo=SEOUL)
    assert list(period_starts(Period.DAY, since=since, until=since + timedelta(days=1), zone=SEOUL)) == []


def test_the_day_on_which_clocks_change_has_23_hours() -> None:
    since = datetime(2026, 3, 28, 12, tzinfo=BERLIN)
    starts = list(period_starts(Period.DAY, since=since, until=since + timedelta(days=3), zone=BERLIN))
    assert starts[1] - starts[0] == timedelta(hours=23)
