"""How well provisioning does, measured from its history: nothing here is typed in or estimated.

Counted is what *ended* in a period, on the database's clock: an event by when it was configured, a rollback by when it
was over, a rating by when it was given. Only `received` counts requests by their receipt. A person's no, an expiry and
an invalid request are answers, not failures: they are in none of the rates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from include.common.clock import aware
from include.store.event_kpis import measure_periods
from include.store.events import Connection

SECONDS_PER_MINUTE = 60
SECONDS_PER_HOUR = 3600


class Period(StrEnum):
    """What figures are grouped by: calendar days, weeks from Monday on, or calendar months, in people's time zone."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, kw_only=True)
class Durations:
    """How long completed events took, in seconds; None when there were none. Percentiles are interpolated."""

    mean_seconds: float | None = None
    median_seconds: float | None = None
    p95_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Kpis:
    """The figures of [since, until). A rate of nothing is None: "no data" is not "0 %".

    received            requests that came in
    completed           events that were configured, verified and handed over
    failed              requests that ended without their event through an error and were not taken up again
    rollbacks           failed attempts, each of which was undone; those of later successful requests included
    complete_rollbacks  rollbacks after which nothing of the event was left
    machine             from the receipt (or the resumption) to the hand-over without the wait for people, that is
                        from the question to the decision
    wall                from the receipt to the hand-over, everything included
    machine_seconds     sum of the completed events' machine time
    automatic           completed events for which nobody was asked
    ratings             customers' ratings, 1 to 5; `mean_rating` is their mean
    """

    since: datetime
    until: datetime
    manual_minutes_per_event: float
    received: int = 0
    completed: int = 0
    failed: int = 0
    rollbacks: int = 0
    complete_rollbacks: int = 0
    machine: Durations = Durations()
    wall: Durations = Durations()
    machine_seconds: float = 0.0
    automatic: int = 0
    ratings: int = 0
    mean_rating: float | None = None

    @property
    def success_rate(self) -> float | None:
        """Return completed / (completed + rollbacks): the share of attempts that succeeded, 0 to 1."""
        return _share(self.completed, self.completed + self.rollbacks)

    @property
    def error_rate(self) -> float | None:
        """Return failed / (completed + failed): the share of requests that an error left without an event, 0 to 1."""
        return _share(self.failed, self.completed + self.failed)

    @property
    def complete_rollback_share(self) -> float | None:
        """Return complete_rollbacks / rollbacks, 0 to 1."""
        return _share(self.complete_rollbacks, self.rollbacks)

    @property
    def automation_rate(self) -> float | None:
        """Return automatic / completed, 0 to 1."""
        return _share(self.automatic, self.completed)

    @property
    def hours_saved(self) -> float | None:
        """Return completed × manual minutes less the machine time, in hours: as if somebody had watched every run."""
        if not self.completed:
            return None
        manual_seconds = self.completed * self.manual_minutes_per_event * SECONDS_PER_MINUTE
        return (manual_seconds - self.machine_seconds) / SECONDS_PER_HOUR


def measure(conn: Connection, *, since: datetime, until: datetime, manual_minutes_per_event: float) -> Kpis:
    """Return the figures of [since, until). Raises ValueError when `until` is not after `since`."""
    (kpis,) = _measure(conn, _checked(since, until), manual_minutes_per_event)
    return kpis


def by_period(
    conn: Connection,
    *,
    period: str,
    since: datetime,
    until: datetime,
    manual_minutes_per_event: float,
    timezone: str,
) -> list[Kpis]:
    """Return the figures of each day, week or month of `timezone`, oldest first, quiet ones included.

    The first and last are cut at `since` and `until`. Raises ValueError for another period or an empty span.
    """
    first, last = _checked(since, until)
    inner = period_starts(Period(period), since=first, until=last, zone=ZoneInfo(timezone))
    return _measure(conn, [first, *inner, last], manual_minutes_per_event)


def period_starts(period: Period, *, since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the local midnights at which a new period begins, strictly between `since` and `until`."""
    day = since.astimezone(zone).date()
    while True:
        day = _next_start(period, day)
        # The day's own offset: with a change of the clocks a day has 23 or 25 hours.
        start = datetime.combine(day, time(), tzinfo=zone)
        if start >= until:
            return
        yield aware(start)


def _next_start(period: Period, day: date) -> date:
    if period is Period.DAY:
        return day + timedelta(days=1)
    if period is Period.WEEK:
        return day + timedelta(days=7 - day.weekday())
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _checked(since: datetime, until: datetime) -> list[datetime]:
    if aware(until) <= aware(since):
        raise ValueError(f"the span ends at {until.isoformat()}, not after its start at {since.isoformat()}")
    return [aware(since), aware(until)]


def _measure(conn: Connection, bounds: list[datetime], manual_minutes_per_event: float) -> list[Kpis]:
    with conn.transaction():
        rows = measure_periods(conn, bounds)
    return [
        _kpis(row, since=since, until=until, manual_minutes_per_event=manual_minutes_per_event)
        for row, (since, until) in zip(rows, pairwise(bounds), strict=True)
    ]


def _kpis(row: Mapping[str, Any], *, since: datetime, until: datetime, manual_minutes_per_event: float) -> Kpis:
    counts = {name: value for name, value in row.items() if name in Kpis.__dataclass_fields__}
    return Kpis(
        since=since,
        until=until,
        manual_minutes_per_event=manual_minutes_per_event,
        machine=_durations(row, "machine"),
        wall=_durations(row, "wall"),
        **counts,
    )


def _durations(row: Mapping[str, Any], name: str) -> Durations:
    if not row.get("completed"):
        return Durations()
    median, p95 = row[f"{name}_percentiles"]
    return Durations(mean_seconds=row[f"{name}_mean"], median_seconds=median, p95_seconds=p95)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
