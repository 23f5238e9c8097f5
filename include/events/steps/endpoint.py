"""The event's REST endpoint on the platform, served through the event's own database role."""

from __future__ import annotations

from collections.abc import Callable

from include.clients.errors import Conflict, NotFound, PermanentError, Unauthorized
from include.clients.platform_api import Endpoint, PlatformApi
from include.events.errors import NotOwned
from include.events.names import EventKey
from include.events.plan import EventPlan

# Each event's endpoint reports these; the event's alerts are built on them.
EXPECTED_METRICS = ("event_participants", "event_entries_total")


def apply(plan: EventPlan, api: PlatformApi, *, check: Callable[[], None]) -> Endpoint:
    """Register the endpoint. Raises NotOwned when the slug is registered for another schema."""
    check()
    try:
        return api.put_endpoint(plan.slug, schema=plan.schema, role=plan.api_role)
    except Conflict as error:
        raise NotOwned(f"endpoint {plan.slug} is registered for another schema: {error}") from error


def verify(plan: EventPlan, api: PlatformApi) -> list[str]:
    """Return what of the endpoint is not as planned: it is asked as a user of it asks, with and without a token."""
    endpoint = api.find_endpoint(plan.slug)
    if endpoint is None:
        return [f"endpoint {plan.slug} is not registered"]
    findings = []
    if endpoint.url != plan.api_url or endpoint.metrics_url != plan.monitoring.metrics_url:
        findings.append(f"endpoint {plan.slug} is at {endpoint.url}, planned is {plan.api_url}")
    findings += _answer_findings(plan, endpoint, api)
    try:
        api.read_event(endpoint.url, token=None)
        findings.append(f"endpoint {endpoint.url} answers without a token")
    except Unauthorized:
        pass
    try:
        metrics = api.read_metrics(endpoint.metrics_url)
        findings += [f"{endpoint.metrics_url} has no {name}" for name in EXPECTED_METRICS if name not in metrics]
    except PermanentError as error:
        findings.append(f"{endpoint.metrics_url} does not answer: {error}")
    return findings


def undo(key: EventKey, api: PlatformApi) -> None:
    """Take the endpoint down. Raises NotOwned when it is registered for another schema."""
    endpoint = api.find_endpoint(key.slug)
    if endpoint is None:
        return
    if endpoint.schema not in (None, key.schema):
        raise NotOwned(f"endpoint {key.slug} serves {endpoint.schema}, not {key.schema}: kept")
    api.delete_endpoint(key.slug)


def leftovers(key: EventKey, api: PlatformApi) -> list[str]:
    """Return the endpoint if it is still registered."""
    endpoint = api.find_endpoint(key.slug)
    return [f"endpoint {endpoint.url}"] if endpoint and endpoint.schema in (None, key.schema) else []


def _answer_findings(plan: EventPlan, endpoint: Endpoint, api: PlatformApi) -> list[str]:
    try:
        answer = api.read_event(endpoint.url, token=api.create_probe_token(plan.slug))
    except (NotFound, Unauthorized) as error:
        return [f"endpoint {endpoint.url} does not serve its own token: {error}"]
    name = answer.get("name") if isinstance(answer, dict) else None
    return [] if name == plan.event.name else [f"endpoint {endpoint.url} serves {name!r}, not {plan.event.name!r}"]
