"""What every thing made for an event is called, and the mark that says whose it is."""

from __future__ import annotations

from dataclasses import dataclass

from include.events import slug as slugs
from include.events.plan import EventPlan

REQUEST_ANNOTATION = "platform-ops/request-id"
SLUG_LABEL = "platform-ops/event"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "platform-ops"


@dataclass(frozen=True, kw_only=True)
class EventKey:
    """Enough to find, and to take away, everything of an event, even when there never was a plan."""

    request_id: str
    slug: str

    @classmethod
    def of(cls, plan: EventPlan) -> EventKey:
        """Return the key of a planned event."""
        return cls(request_id=plan.request_id, slug=plan.slug)

    @property
    def namespace(self) -> str:
        """Return the Kubernetes namespace."""
        return slugs.namespace_of(self.slug)

    @property
    def schema(self) -> str:
        """Return the database schema."""
        return slugs.schema_of(self.slug)

    @property
    def rule_group(self) -> str:
        """Return Prometheus' rule group."""
        return f"event_{self.slug}"
