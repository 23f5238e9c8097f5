"""When an unanswered approval is reminded of, handed to the deputies and given up."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self


class Action(StrEnum):
    """What is due, in this order."""

    REMINDER = "reminder"
    DEPUTY = "deputy"
    EXPIRY = "expiry"


@dataclass(frozen=True, kw_only=True)
class Deadlines:
    """Offsets from the question in seconds; not waits that add up."""

    reminder_seconds: int
    deputy_seconds: int
    expiry_seconds: int


@dataclass(frozen=True, kw_only=True)
class ApprovalDue:
    """The times at which something happens to an unanswered question."""

    asked_at: datetime
    reminder_at: datetime
    deputy_at: datetime
    expires_at: datetime

    @classmethod
    def after(cls, asked_at: datetime, deadlines: Deadlines) -> Self:
        """Return the times for a question asked at `asked_at`."""
        return cls(
            asked_at=asked_at,
            reminder_at=asked_at + timedelta(seconds=deadlines.reminder_seconds),
            deputy_at=asked_at + timedelta(seconds=deadlines.deputy_seconds),
            expires_at=asked_at + timedelta(seconds=deadlines.expiry_seconds),
        )

    @classmethod
    def from_dict(cls, stored: Mapping[str, str]) -> Self:
        """Read what `to_dict` wrote."""
        return cls(**{name: datetime.fromisoformat(stored[name]) for name in cls.__dataclass_fields__})

    def next_after(self, now: datetime) -> datetime:
        """Return the next of the times; the last one when all have passed."""
        return next((at for at in (self.reminder_at, self.deputy_at) if at > now), self.expires_at)

    def to_dict(self) -> dict[str, str]:
        """Return the times as ISO 8601."""
        return {name: getattr(self, name).isoformat() for name in self.__dataclass_fields__}


def due_actions(due: ApprovalDue, *, done: Collection[str], now: datetime) -> tuple[Action, ...]:
    """Return what is due at `now` and not among `done`. When the time is up, only that: no reminder of what is over."""
    if now >= due.expires_at:
        return () if Action.EXPIRY in done else (Action.EXPIRY,)
    times = ((Action.REMINDER, due.reminder_at), (Action.DEPUTY, due.deputy_at))
    return tuple(action for action, at in times if now >= at and action not in done)
