"""How far along a status is: its colour, whether it still moves, and what of the five stages is behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from include.events.intake import RESUMABLE_STATUSES

STAGES = ("received", "checked", "approval", "set_up", "ready")
# Stages have these times in a request's row.
STAGE_TIMES = {
    "received": "received_at",
    "checked": "planned_at",
    "approval": "approved_at",
    "set_up": "configured_at",
    "ready": "configured_at",
}


@dataclass(frozen=True)
class Progress:
    """What a status means on a page. `stage` is the one it is in; None when all are done."""

    tone: str
    is_live: bool
    stage: str | None


PROGRESS = {
    "received": Progress("busy", True, "checked"),
    "planned": Progress("busy", True, "approval"),
    "awaiting_approval": Progress("wait", True, "approval"),
    "approved": Progress("busy", True, "set_up"),
    "configuring": Progress("busy", True, "set_up"),
    "completed": Progress("good", False, None),
    "restored": Progress("good", False, None),
    "invalid": Progress("bad", False, "checked"),
    "rejected": Progress("bad", False, "approval"),
    "expired": Progress("idle", False, "approval"),
    "cancelled": Progress("idle", False, "approval"),
    "rolling_back": Progress("bad", True, "set_up"),
    "rolled_back": Progress("bad", False, "set_up"),
    "rollback_failed": Progress("bad", True, "set_up"),
    "decommissioning": Progress("busy", True, None),
    "decommissioned": Progress("idle", False, None),
    "purged": Progress("idle", False, None),
}
STATUSES = tuple(PROGRESS)
# What people of the staff may start, and from where. One that stopped on its way down is taken down by another run.
ACTION_STATUSES = {
    "decommission": frozenset({"completed", "restored", "decommissioning"}),
    "restore": frozenset({"decommissioned"}),
}


def can_resume(row: Mapping[str, Any]) -> bool:
    """Whether a request can be taken up again; a person's no stands, an answer that did not count does not."""
    if row["status"] == "rejected":
        return bool(row["approvals"]) and row["approvals"][-1]["kind"] == "refused"
    return row["status"] in RESUMABLE_STATUSES


def stage_tones(status: str) -> dict[str, str]:
    """Return the tone of each stage: done before the current one, pending behind it."""
    current = PROGRESS[status].stage
    if current is None:
        return dict.fromkeys(STAGES, "done")
    position = STAGES.index(current)
    tones = {stage: "done" if n < position else "pending" for n, stage in enumerate(STAGES)}
    return tones | {current: PROGRESS[status].tone}


def progress_table() -> dict[str, dict[str, Any]]:
    """Return the whole table for the status page's script."""
    return {
        status: {
            "tone": progress.tone,
            "is_live": progress.is_live,
            "stages": stage_tones(status),
        }
        for status, progress in PROGRESS.items()
    }
