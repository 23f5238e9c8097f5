"""Who is asking, and what they may see and do. The body of a request never says who asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from include.events.intake import Identity

# Roles of Airflow's auth manager, lower-cased. People of the staff see every event; requesters see their own.
STAFF_ROLES = frozenset({"operator", "manager", "executive", "dba", "admin"})
REQUESTER_ROLE = "requester"


class Proof(Enum):
    """How the caller proved who they are. A cookie is sent by the browser unasked, so it takes one more check."""

    API_KEY = "api_key"
    BEARER = "bearer"
    COOKIE = "cookie"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """An authenticated customer or Airflow user."""

    name: str
    proof: Proof
    roles: frozenset[str] = frozenset()
    airflow_token: str | None = field(default=None, repr=False)

    @property
    def is_customer(self) -> bool:
        """Whether this is a customer's program or the form with a customer's key."""
        return self.proof is Proof.API_KEY

    @property
    def is_staff(self) -> bool:
        """Whether this person may see and act on every event."""
        return bool(self.roles & STAFF_ROLES)

    @property
    def may_request(self) -> bool:
        """Whether this caller may ask for an event."""
        return self.is_customer or self.is_staff or REQUESTER_ROLE in self.roles

    @property
    def identity(self) -> Identity:
        """Return the caller as the intake knows them."""
        return Identity.customer(self.name) if self.is_customer else Identity.user(self.name)
