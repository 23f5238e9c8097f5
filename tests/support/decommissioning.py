"""Live events with rows in them, and ways to take them down in tests."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from include.events import archiving, decommission, decommission_plan, provision
from include.events.archive import TABLES, RowsDigest
from include.events.event_rows import digest_tables
from include.events.names import EventKey
from include.events.world import World
from tests.support.events import Outside, approve, request_body

GRACE_DAYS = 30
REASON = "the event is over"
# Everything that takes time to be seen in Prometheus is left out: these tests are about what comes after.
STEPS = tuple(step for step in provision.STEPS if step != "verification")


@dataclass(frozen=True, kw_only=True)
class LiveEvent:
    """A completed event and where its archives go."""

    world: World
    key: EventKey
    attempt: int
    archive_dir: Path

    @property
    def request_id(self) -> str:
        return self.key.request_id

    @property
    def folders(self) -> list[Path]:
        """The archives on disk, the oldest first, unfinished ones included."""
        return sorted((self.archive_dir / self.key.slug).glob("*")) if self.archive_dir.exists() else []

    def rows(self) -> dict[str, RowsDigest]:
        """What the event's tables have."""
        with self.world.platform.transaction():
            return digest_tables(self.world.platform, self.key)

    def plan(self, reason: str = REASON) -> decommission_plan.DecommissionPlan:
        """Plan to take it down."""
        return decommission_plan.plan_decommission(
            self.world.ops,
            self.world.platform,
            request_id=self.request_id,
            reason=reason,
            grace_days=GRACE_DAYS,
            now=datetime.now(UTC),
        )

    def approve(self, reason: str = REASON) -> str:
        """Plan and approve; return the plan's hash."""
        plan = self.plan(reason)
        decommission_plan.record_approval(
            self.world.ops,
            request_id=self.request_id,
            plan_hash=plan.plan_hash,
            reason=reason,
            grace_days=GRACE_DAYS,
            approved_by="manager1",
        )
        return plan.plan_hash

    def archive(self) -> archiving.ArchiveRecord:
        """Archive it."""
        return archiving.archive_event(
            self.world.ops,
            self.world.platform,
            request_id=self.request_id,
            archive_dir=self.archive_dir,
            grace_days=GRACE_DAYS,
        )

    def take_down(self, plan_hash: str) -> decommission.TakeDownReport:
        """Take it down."""
        return decommission.take_down(
            self.world, request_id=self.request_id, plan_hash=plan_hash, archive_dir=self.archive_dir
        )

    def decommission(self) -> decommission.TakeDownReport:
        """Approve, archive and take down."""
        plan_hash = self.approve()
        self.archive()
        return self.take_down(plan_hash)


def make_live_event(world: World, outside: Outside, archive_dir: Path, *, entries: int = 3, **body: Any) -> LiveEvent:
    """Provision an event and let participants come."""
    approved = approve(world, request_body(**body))
    for name in STEPS:
        approved.apply(name, world)
    event = LiveEvent(world=world, key=approved.key, attempt=approved.attempt, archive_dir=archive_dir)
    add_entries(outside, event.key, entries)
    return event


def add_entries(outside: Outside, key: EventKey, count: int) -> None:
    """Register participants and let them in, as the platform's API does it."""
    with as_event_api(outside, key) as conn:
        for _ in range(count):
            conn.execute(
                "WITH visitor AS (INSERT INTO participants (name, email)"
                " VALUES ('홍길동', gen_random_uuid() || '@example.com') RETURNING participant_id)"
                " INSERT INTO entry_logs (gate_id, participant_id) SELECT 1, participant_id FROM visitor"
            )


def as_event_api(outside: Outside, key: EventKey) -> psycopg.Connection[Any]:
    """Connect with the event's own role; commits at the end of the context."""
    conn: psycopg.Connection[Any] = outside.platform.connect("platform_api")
    conn.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(f"{key.schema}_api")))
    conn.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(key.schema)))
    return conn


def row_counts(digests: dict[str, RowsDigest]) -> dict[str, int]:
    """Return how many rows each table has."""
    return {table: digests[table].rows for table in TABLES}
