"""The figures on top of the operators' page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from include.events import kpis
from include.settings import get_settings
from include.store import console as store
from ops_console.database import OpsConnection
from ops_console.language import Wording
from ops_console.progress import PROGRESS

HISTORY_DAYS = 30
NO_DATA = "–"


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One day of a figure's history; `position` counts from the oldest."""

    position: int
    value: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One figure, with its history as bars; no bars when there is none."""

    label: str
    value: str
    unit: str = ""
    note: str = ""
    bars: list[Bar] = field(default_factory=list)
    chart_label: str = ""


def read_tiles(conn: OpsConnection, wording: Wording, *, now: datetime) -> list[Tile]:
    """Return the state of now and the figures of the last 30 days."""
    settings = get_settings()
    since = now - timedelta(days=HISTORY_DAYS)
    minutes = settings.manual_minutes_per_event
    total = kpis.measure(conn, since=since, until=now, manual_minutes_per_event=minutes)
    days = kpis.by_period(
        conn, period="day", since=since, until=now, manual_minutes_per_event=minutes, timezone=settings.timezone
    )
    return [
        _in_progress(store.status_counts(conn), wording),
        _requests(total, days, wording),
        _success(total, wording),
        _set_up_time(total, days, wording),
        _hours_saved(total, wording),
        _rating(total, wording),
    ]


def _in_progress(counts: dict[str, int], wording: Wording) -> Tile:
    moving = sum(n for status, n in counts.items() if PROGRESS[status].is_live)
    note = wording.text("figure.in_progress_note", n=counts.get("awaiting_approval", 0))
    if stuck := counts.get("rollback_failed", 0):
        note = wording.text("figure.stuck_note", n=stuck)
    return Tile(label=wording.text("figure.in_progress"), value=str(moving), note=note)


def _requests(total: kpis.Kpis, days: list[kpis.Kpis], wording: Wording) -> Tile:
    return Tile(
        label=wording.text("figure.requests"),
        value=str(total.received),
        unit=wording.text("figure.period", days=HISTORY_DAYS),
        bars=_bars([(day.received, str(day.received)) for day in days]),
        chart_label=wording.text("figure.chart_requests"),
    )


def _success(total: kpis.Kpis, wording: Wording) -> Tile:
    return Tile(
        label=wording.text("figure.success"),
        value=_percent(total.success_rate),
        note=wording.text("figure.success_note", done=total.completed, all=total.completed + total.rollbacks),
    )


def _set_up_time(total: kpis.Kpis, days: list[kpis.Kpis], wording: Wording) -> Tile:
    return Tile(
        label=wording.text("figure.mean"),
        value=wording.duration(total.machine.mean_seconds),
        bars=_bars([(day.machine.mean_seconds, wording.duration(day.machine.mean_seconds)) for day in days]),
        chart_label=wording.text("figure.chart_mean"),
    )


def _hours_saved(total: kpis.Kpis, wording: Wording) -> Tile:
    minutes = total.manual_minutes_per_event
    return Tile(
        label=wording.text("figure.hours_saved"),
        value=NO_DATA if total.hours_saved is None else f"{total.hours_saved:.0f}",
        unit="" if total.hours_saved is None else wording.text("figure.hours"),
        note=wording.text("figure.hours_note", minutes=f"{minutes:g}"),
    )


def _rating(total: kpis.Kpis, wording: Wording) -> Tile:
    return Tile(
        label=wording.text("figure.rating"),
        value=NO_DATA if total.mean_rating is None else f"{total.mean_rating:.1f}",
        unit="" if total.mean_rating is None else "/ 5",
        note=wording.text("figure.rating_note", n=total.ratings),
    )


def _bars(history: Sequence[tuple[float | None, str]]) -> list[Bar]:
    bars = [Bar(position=n, value=value or 0, label=label) for n, (value, label) in enumerate(history)]
    return bars if any(bar.value for bar in bars) else []


def _percent(share: float | None) -> str:
    return NO_DATA if share is None else f"{share:.1%}"
