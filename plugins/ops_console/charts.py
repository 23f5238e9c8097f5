"""Small charts as SVG coordinates; the templates draw them."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH = 240
HEIGHT = 32
MARGIN = 2
SMALLEST_TOP = 1e-9  # all zeros are drawn as zeros, not divided by them


def polylines(values: Sequence[float | None]) -> list[str]:
    """Return the `points` of one polyline per unbroken run of values, from 0 at the bottom; a lone value is a dash."""
    known = [value for value in values if value is not None]
    if not known:
        return []
    top = max([*known, SMALLEST_TOP])
    step = WIDTH / max(len(values) - 1, 1)
    runs: list[list[str]] = [[]]
    for n, value in enumerate(values):
        if value is None:
            runs.append([])
            continue
        height = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * value / top
        runs[-1].append(f"{n * step:.1f},{height:.1f}")
    return [_dash(run[0]) if len(run) == 1 else " ".join(run) for run in runs if run]


def _dash(point: str) -> str:
    x, _, y = point.partition(",")
    return f"{max(float(x) - 3, 0):.1f},{y} {min(float(x) + 3, WIDTH):.1f},{y}"
