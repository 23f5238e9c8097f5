"""Bars for the dashboard's picture: plain geometry, drawn by the template as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

WIDTH, HEIGHT = 960, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 14, 30
_GRID_LINES = 4
_LABEL_EVERY = 3


@dataclass(frozen=True)
class Bar:
    """One hour: a rectangle, its value, and its label below (empty for most)."""

    x: float
    y: float
    width: float
    height: float
    value: int
    hour: str
    label: str


@dataclass(frozen=True)
class GridLine:
    """A horizontal line with its number."""

    y: float
    value: int


@dataclass(frozen=True)
class BarChart:
    """A drawing, in the coordinates of ``viewBox``."""

    bars: tuple[Bar, ...]
    grid: tuple[GridLine, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to show."""
        return not any(bar.value for bar in self.bars)


def hourly_chart(hours: Sequence[tuple[datetime, int]], zone: ZoneInfo) -> BarChart:
    """Return the chart of a value per hour; hours are labelled in `zone`."""
    top = _round_up(max((value for _hour, value in hours), default=0))
    plot_height = HEIGHT - _TOP - _BOTTOM
    slot = (WIDTH - _LEFT - _RIGHT) / max(len(hours), 1)
    bars = []
    for index, (hour, value) in enumerate(hours):
        local = hour.astimezone(zone)
        height = plot_height * value / top
        bars.append(
            Bar(
                x=round(_LEFT + index * slot + slot * 0.16, 1),
                y=round(_TOP + plot_height - height, 1),
                width=round(slot * 0.68, 1),
                height=round(height, 1),
                value=value,
                hour=local.strftime("%m-%d %H:00"),
                label=local.strftime("%H") if local.hour % _LABEL_EVERY == 0 else "",
            )
        )
    steps = range(_GRID_LINES + 1)
    grid = (
        GridLine(round(_TOP + plot_height * (1 - step / _GRID_LINES), 1), top * step // _GRID_LINES) for step in steps
    )
    return BarChart(tuple(bars), tuple(grid))


def _round_up(value: int) -> int:
    """Return a round number at or above `value` that four grid lines divide."""
    if value <= _GRID_LINES:
        return _GRID_LINES
    step = int(10 ** math.floor(math.log10(value)))
    return next(
        candidate for factor in (1, 2, 4, 6, 8, 10, 20) if (candidate := step * factor) >= value and candidate % 4 == 0
    )
