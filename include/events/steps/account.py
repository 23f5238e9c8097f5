"""The customer's viewer account on the platform, handed over by a one-time link."""

from __future__ import annotations

from collections.abc import Callable

from include.clients.platform_api import Account, PlatformApi
from include.events.names import EventKey
from include.events.plan import EventPlan


def apply(plan: EventPlan, api: PlatformApi, *, check: Callable[[], None]) -> Account:
    """Create the account, or return the one that the customer has for this event."""
    check()
    customer = plan.customer
    return api.put_account(plan.slug, email=customer.email, name=customer.name, language=customer.language)


def verify(plan: EventPlan, api: PlatformApi) -> list[str]:
    """Return a finding unless the event has exactly the customer's account."""
    count = len(api.list_accounts(plan.slug))
    return [] if count == 1 else [f"event {plan.slug} has {count} accounts, expected 1"]


def undo(key: EventKey, api: PlatformApi) -> None:
    """Delete the event's accounts, with their links and tokens; the slug is this request's alone."""
    api.delete_accounts(key.slug)


def leftovers(key: EventKey, api: PlatformApi) -> list[str]:
    """Return the accounts that are still there."""
    return [f"account {account.username}" for account in api.list_accounts(key.slug)]
