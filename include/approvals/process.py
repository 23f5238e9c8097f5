"""The question "may this event be made?" and its answer, kept with the request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from include.approvals.answer import approve_automatically, conclude, decide
from include.approvals.deadlines import Action, ApprovalDue, Deadlines
from include.approvals.deadlines import due_actions as actions_due
from include.approvals.history import Connection, entries_of, locked_row, requester_of
from include.approvals.roster import ApproverGroup, Roster, approvers_for, load_roster
from include.events.classify import Tier
from include.events.errors import StaleAttempt
from include.events.lifecycle import load_plan, transition
from include.events.plan import EventPlan
from include.events.presentation import render_markdown, subject_of
from include.settings import get_settings
from include.store import events as store

__all__ = ["Ask", "approve_automatically", "ask", "conclude", "decide", "due_actions", "record_action"]

ASKABLE = frozenset({"planned", "awaiting_approval"})


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What is asked, whom, and until when; `next_due_at` is when the next of reminder, deputies and expiry comes."""

    plan: EventPlan
    plan_hash: str
    attempt: int
    group: ApproverGroup
    due: ApprovalDue
    next_due_at: datetime
    subject: str
    markdown: str

    def key(self, kind: str) -> str:
        """Return the key under which a message about this question is sent once."""
        return f"approval:{self.attempt}:{kind}"


def ask(
    conn: Connection,
    *,
    request_id: str,
    attempt: int,
    roster: Roster | None = None,
    deadlines: Deadlines | None = None,
    now: datetime | None = None,
) -> Ask | None:
    """Put the question: who is asked about which plan, until when. Asked again, it keeps its first times.

    Returns None for a small event, which the rules approve. Roster and deadlines come from the settings unless given.
    Raises NoApprover, StaleAttempt or PlanChanged; nothing is changed then.
    """
    at = now or datetime.now(UTC)
    with conn.transaction():
        row = locked_row(conn, request_id)
        if row["status"] not in ASKABLE or row["attempt"] != attempt:
            raise StaleAttempt(
                f"request {request_id!r} is {row['status']} in attempt {row['attempt']}: nobody is asked"
            )
        plan = load_plan(row)
        if plan.tier == Tier.SMALL:
            return None
        people = roster or load_roster(get_settings().approvers_file)
        group = approvers_for(people, plan.tier, requester=requester_of(conn, row), at=at)
        if row["status"] == "planned":
            due = ApprovalDue.after(at, deadlines or _deadlines())
            _put_question(conn, row, group, due)
        else:
            due = ApprovalDue.from_dict(row["approval_due"])
    language = _common_language(group)
    return Ask(
        plan=plan,
        plan_hash=row["plan_hash"],
        attempt=attempt,
        group=group,
        due=due,
        next_due_at=due.next_after(at),
        subject=subject_of(plan, language=language),
        markdown=render_markdown(plan, language=language),
    )


def due_actions(conn: Connection, *, request_id: str, now: datetime | None = None) -> tuple[Action, ...]:
    """Return what is due for an unanswered question: reminder, deputy or expiry. Nothing when it is answered."""
    row = store.find_request(conn, request_id)
    if row is None or row["status"] != "awaiting_approval":
        return ()
    done = {entry["kind"] for entry in entries_of(row, row["attempt"])}
    return actions_due(ApprovalDue.from_dict(row["approval_due"]), done=done, now=now or datetime.now(UTC))


def record_action(conn: Connection, *, request_id: str, attempt: int, kind: str) -> bool:
    """Note that a reminder went out or the deputies were asked; False when it was noted before or is too late."""
    with conn.transaction():
        row = store.find_request(conn, request_id, lock=True)
        if row is None or row["status"] != "awaiting_approval" or row["attempt"] != attempt:
            return False
        if any(entry["kind"] == kind for entry in entries_of(row, attempt)):
            return False
        store.add_approval(conn, request_id, {"kind": str(kind), "by": None, "tier": row["tier"], "attempt": attempt})
    return True


def _put_question(conn: Connection, row: store.Row, group: ApproverGroup, due: ApprovalDue) -> None:
    asked = [person.username for person in group.asked]
    transition(
        conn,
        request_id=row["request_id"],
        attempt=row["attempt"],
        allowed={"planned"},
        to="awaiting_approval",
        reason=f"{row['tier']} event: asked {', '.join(asked)}",
        after={"plan_hash": row["plan_hash"]},
    )
    store.set_approval_due(conn, row["request_id"], due.to_dict())
    entry = {"kind": "asked", "by": None, "tier": row["tier"], "asked": asked, "attempt": row["attempt"]}
    store.add_approval(conn, row["request_id"], entry)


def _deadlines() -> Deadlines:
    settings = get_settings()
    return Deadlines(
        reminder_seconds=settings.approval_reminder_seconds,
        deputy_seconds=settings.approval_deputy_seconds,
        expiry_seconds=settings.approval_expiry_seconds,
    )


def _common_language(group: ApproverGroup) -> str:
    """Return the language of those who are asked, English when they have no common one."""
    languages = {person.language for person in group.asked}
    return languages.pop() if len(languages) == 1 else "en"
