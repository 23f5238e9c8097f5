"""Everything outside that provisioning touches, handed in as one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg

from include.clients.platform_api import PlatformApi
from include.clients.prometheus import Prometheus
from include.clients.twilio_sms import SmsSender

# How long and how often an event's credentials can be fetched is the platform's business (72 h, once).
GUIDE_PATH = "/console/guides/"
RATING_PATH = "/console/ratings/"
EVENT_PATH = "/console/events/"


@dataclass(frozen=True, kw_only=True)
class World:
    """Connections and clients. Both databases in autocommit mode; `core` is a kubernetes CoreV1Api, `networking` a
    NetworkingV1Api (which have no type information); `sms` is None where no gateway is configured.
    """

    ops: psycopg.Connection[Any]
    platform: psycopg.Connection[Any]
    core: Any
    networking: Any
    platform_api: PlatformApi
    prometheus: Prometheus
    events_dir: Path
    promtool: str
    send_email: Callable[[EmailMessage], None]
    sms: SmsSender | None
    guide_base_url: str
    mail_from: str
    operators_email: str
    timezone: str

    @property
    def mail_domain(self) -> str:
        """Return the domain for Message-IDs: the sender's."""
        return self.mail_from.rpartition("@")[2].strip("<> ") or "localhost"

    @property
    def login_url(self) -> str:
        """Return where viewers sign in."""
        return f"{self.platform_api.base_url}/login"

    def dashboard_url(self, slug: str) -> str:
        """Return an event's dashboard on the platform."""
        return f"{self.platform_api.base_url}/dashboard/{slug}"
