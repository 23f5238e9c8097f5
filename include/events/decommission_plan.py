"""What taking an event down means, for the person who decides about it; and the decision, kept with the request."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from include.events.errors import Fault, InvalidRequest, PlanChanged, StaleAttempt, UnknownRequest
from include.events.event_rows import TableSize, measure_tables, schema_exists
from include.events.names import EventKey
from include.events.plan import EventPlan, plan_from_dict
from include.notifications.escaping import Trusted
from include.notifications.templates import format_instant, format_number, render
from include.store import event_archives as archives
from include.store import events as store
from include.store.events import Connection

DECOMMISSIONABLE = frozenset({"completed", "restored", "decommissioning"})
LONGEST_REASON = 500
SHORT_HASH = 12
BYTES_PER_KIBIBYTE = 1024


@dataclass(frozen=True, kw_only=True)
class TakeDown:
    """What is approved: nothing in here changes while the event lives on and the question waits for an answer."""

    request_id: str
    attempt: int
    slug: str
    event_plan_hash: str
    event_name: str
    starts_at: str
    ends_at: str
    namespace: str
    schema: str
    api_url: str
    metrics_url: str
    reason: str
    grace_days: int

    @property
    def hash(self) -> str:
        """Return the SHA-256 of the canonical JSON: what an approval is for."""
        text = json.dumps(asdict(self), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class DecommissionPlan:
    """What is approved, with how much data there is now and how it is shown to people."""

    take_down: TakeDown
    plan_hash: str
    tables: tuple[TableSize, ...]
    restorable_until: datetime
    subject: str
    markdown: str


def plan_decommission(
    ops: Connection,
    platform: Connection,
    *,
    request_id: str,
    reason: str,
    grace_days: int,
    now: datetime,
    language: str = "en",
) -> DecommissionPlan:
    """Say what would be taken down, how much data that is, and until when it could be restored. Changes nothing.

    Raises InvalidRequest for an unusable reason, UnknownRequest, StaleAttempt when the event is not live.
    """
    row = _live_row(ops, request_id)
    event_plan = plan_from_dict(row["plan"])
    take_down = describe_take_down(row, reason=reason, grace_days=grace_days)
    key = EventKey.of(event_plan)
    # Already dropped by an earlier try that was killed: its archive has what there was.
    tables = tuple(measure_tables(platform, key)) if schema_exists(platform, key) else ()
    plan = DecommissionPlan(
        take_down=take_down,
        plan_hash=take_down.hash,
        tables=tables,
        restorable_until=now + timedelta(days=grace_days),
        subject=f"Take down {event_plan.event.name}",
        markdown="",
    )
    return replace(plan, markdown=_markdown(plan, event_plan, now=now, language=language))


def describe_take_down(row: store.Row, *, reason: str, grace_days: int) -> TakeDown:
    """Return what is taken down, from the request alone: the same however far it has got. Raises InvalidRequest."""
    event_plan = plan_from_dict(row["plan"])
    return TakeDown(
        request_id=row["request_id"],
        attempt=row["attempt"],
        slug=row["slug"],
        event_plan_hash=row["plan_hash"],
        event_name=event_plan.event.name,
        starts_at=event_plan.event.starts_at.isoformat(),
        ends_at=event_plan.event.ends_at.isoformat(),
        namespace=event_plan.namespace,
        schema=event_plan.schema,
        api_url=event_plan.api_url,
        metrics_url=event_plan.monitoring.metrics_url,
        reason=checked_reason(reason),
        grace_days=grace_days,
    )


def record_approval(
    ops: Connection, *, request_id: str, plan_hash: str, reason: str, grace_days: int, approved_by: str
) -> None:
    """Keep with the request that this plan, and no other, may be carried out; the same again changes nothing.

    Raises PlanChanged when the event has changed since it was asked about, StaleAttempt when it is not live any more.
    """
    with ops.transaction():
        row = _live_row(ops, request_id, lock=True)
        found = describe_take_down(row, reason=reason, grace_days=grace_days).hash
        if found != plan_hash:
            raise PlanChanged(f"taking down {request_id!r} is now plan {found}, approved was {plan_hash}: ask again")
        approval = {"plan_hash": plan_hash, "reason": reason, "grace_days": grace_days, "approved_by": approved_by}
        if row["result"].get(archives.DECOMMISSION_KEY) == approval:
            return
        store.merge_result(ops, request_id, {archives.DECOMMISSION_KEY: approval})
        store.record(
            ops,
            actor=f"user:{approved_by}",
            action="event.approve_decommission",
            request_id=request_id,
            reason=reason,
            before={"status": row["status"]},
            after={"plan_hash": plan_hash, "grace_days": grace_days},
        )


def approved_take_down(row: store.Row, plan_hash: str) -> TakeDown:
    """Return what was approved under this hash. Raises PlanChanged when nothing or something else was."""
    approval: dict[str, Any] = row["result"].get(archives.DECOMMISSION_KEY) or {}
    if approval.get("plan_hash") != plan_hash:
        raise PlanChanged(f"nobody approved plan {plan_hash} to take down {row['request_id']!r}: plan and ask again")
    take_down = describe_take_down(row, reason=approval["reason"], grace_days=approval["grace_days"])
    if take_down.hash != plan_hash:
        raise PlanChanged(f"{row['request_id']!r} has changed since plan {plan_hash} was approved: plan and ask again")
    return take_down


def checked_reason(reason: str) -> str:
    """Return the reason on one line. Raises InvalidRequest when it is empty, too long or cannot be stored."""
    text = " ".join(reason.split())
    if not text or len(text) > LONGEST_REASON or not text.isprintable():
        raise InvalidRequest([Fault("reason", f"must be 1 to {LONGEST_REASON} printable characters")])
    return text


def _live_row(ops: Connection, request_id: str, *, lock: bool = False) -> store.Row:
    row = store.find_request(ops, request_id, lock=lock)
    if row is None:
        raise UnknownRequest(f"there is no request {request_id!r}")
    if row["status"] not in DECOMMISSIONABLE or row["plan"] is None:
        raise StaleAttempt(f"request {request_id!r} is {row['status']}: only a live event can be taken down")
    return row


def _markdown(plan: DecommissionPlan, event_plan: EventPlan, *, now: datetime, language: str) -> str:
    zone, event, take_down = ZoneInfo(event_plan.timezone), event_plan.event, plan.take_down
    context = {
        "event": {"name": event.name, "venue": event.venue},
        "request_id": take_down.request_id,
        "customer": {"name": event_plan.customer.name, "email": event_plan.customer.email},
        "starts_at": format_instant(event.starts_at, language),
        "ends_at": format_instant(event.ends_at, language),
        "phase": "upcoming" if now < event.starts_at else "running" if now < event.ends_at else "over",
        "reason": take_down.reason,
        "tables": [
            {"name": table.table_name, "rows": format_number(table.row_count), "size": _size(table.bytes)}
            for table in plan.tables
        ],
        "total_rows": format_number(sum(table.row_count for table in plan.tables)),
        "total_size": _size(sum(table.bytes for table in plan.tables)),
        "grace_days": take_down.grace_days,
        "restorable_until": format_instant(plan.restorable_until.astimezone(zone), language),
        "short_hash": plan.plan_hash[:SHORT_HASH],
    }
    # Names of our own making: no character in them can end a code span.
    names = ("namespace", "schema", "api_url", "metrics_url")
    code = {name: Trusted(f"`{getattr(take_down, name)}`") for name in names}
    return render("decommission_plan.md", language=language, context=context | code)


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < BYTES_PER_KIBIBYTE:
            return f"{size:.0f} {unit}"
        size /= BYTES_PER_KIBIBYTE
    return f"{size:.1f} GiB"
