"""Look at the world from outside: is what the console says really there, and does it really answer?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from demo.clients import TIMEOUT_SECONDS, checked

LINK = re.compile(r"https?://[^\s\"'<>]+/platform/handover/[^\s\"'<>]+")


@dataclass(frozen=True)
class Addresses:
    """Where the pieces of the stack answer."""

    airflow: str
    prometheus: str
    sandbox: str
    kubernetes_token: str


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what, and what is wrong with it (None: all right)."""

    what: str
    fault: str | None


def look_at_event(addresses: Addresses, request: dict[str, Any], status: dict[str, Any]) -> Iterator[Finding]:
    """Yield what was seen of a completed event in each system, as people outside would see it."""
    checks: dict[str, Callable[[], str | None]] = {
        "Kubernetes namespace": lambda: _namespace(addresses, status),
        "API endpoint refuses strangers": lambda: _refuses(status),
        "Prometheus target is up": lambda: _target(addresses, status),
        "guide opens": lambda: _guide(request, status),
        "mail with hand-over link": lambda: _mail(addresses, request),
        "SMS": lambda: _sms(addresses, request),
    }
    for what, look in checks.items():
        try:
            fault = look()
        except (httpx.HTTPError, RuntimeError, LookupError, ValueError) as error:
            fault = f"{type(error).__name__}: {error}"
        yield Finding(what, fault)


def _get(url: str, **options: Any) -> httpx.Response:
    return httpx.get(url, timeout=TIMEOUT_SECONDS, **options)


def _namespace(addresses: Addresses, status: dict[str, Any]) -> str | None:
    base = f"{addresses.sandbox}/k8s/api/v1/namespaces/{status['namespace']}"
    headers = {"Authorization": f"Bearer {addresses.kubernetes_token}"}
    checked(_get(base, headers=headers), 200)
    quotas = checked(_get(f"{base}/resourcequotas", headers=headers), 200).json()["items"]
    return None if quotas else "the namespace has no ResourceQuota"


def _refuses(status: dict[str, Any]) -> str | None:
    answer = _get(status["api_url"])
    return None if answer.status_code == httpx.codes.UNAUTHORIZED else f"no token, but {answer.status_code}"


def _target(addresses: Addresses, status: dict[str, Any]) -> str | None:
    targets = checked(_get(f"{addresses.prometheus}/api/v1/targets"), 200).json()["data"]["activeTargets"]
    of_event = [target for target in targets if target["scrapeUrl"] == status["prometheus_target"]]
    if not of_event:
        return "Prometheus lists no target of the event"
    return None if of_event[0]["health"] in ("up", "unknown") else f"the target is {of_event[0]['health']}"


def _guide(request: dict[str, Any], status: dict[str, Any]) -> str | None:
    page = checked(_get(status["guide_url"]), 200).text
    return None if request["event"]["venue"] in page else "the guide does not name the venue"


def _mail(addresses: Addresses, request: dict[str, Any]) -> str | None:
    messages = checked(_get(f"{addresses.sandbox}/mail/api/messages"), 200).json()["messages"]
    ours = [message for message in messages if request["event"]["name"] in str(message)]
    to_customer = [message for message in ours if request["customer"]["email"] in str(message["to"])]
    if not to_customer:
        return "the customer got no mail"
    return None if any(LINK.search(str(message)) for message in to_customer) else "no mail holds a hand-over link"


def _sms(addresses: Addresses, request: dict[str, Any]) -> str | None:
    page = checked(_get(f"{addresses.sandbox}/_sandbox/journal", params={"service": "twilio"}), 200).text
    number = request["customer"]["phone"].removeprefix("+")  # the plus sign is escaped in a form
    return None if number in page else "the customer got no SMS"
