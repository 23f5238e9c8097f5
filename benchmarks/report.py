"""The table and the JSON that every benchmark ends with."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure: `ours` and `anchor` (what it is measured against in the same run) in `unit`."""

    what: str
    ours: float
    unit: str
    anchor: float | None = None
    anchor_name: str = ""
    target: str = ""


def publish(name: str, figures: list[Figure]) -> Path:
    """Print the table and write it, with the machine and the time, below `benchmarks/results/`; return the file."""
    table = Table(title=f"{name}: measured against the anchor of the same run", title_justify="left")
    for heading in ("what", "ours", "anchor", "target"):
        table.add_column(heading)
    for figure in figures:
        anchor = "" if figure.anchor is None else f"{figure.anchor:.2f} {figure.unit} ({figure.anchor_name})"
        ratio = f" = {figure.ours / figure.anchor:.2f} x" if figure.anchor else ""
        table.add_row(figure.what, f"{figure.ours:.2f} {figure.unit}{ratio}", anchor, figure.target)
    Console().print(table)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    path.write_text(json.dumps({"name": name, "machine": machine, "figures": [asdict(f) for f in figures]}, indent=2))
    return path
