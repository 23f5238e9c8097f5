"""Requests as customers send them, and a world to provision them in."""

import itertools
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from smtplib import SMTP
from typing import Any

import psycopg
from kubernetes import client

from include.approvals import process
from include.clients.platform_api import PlatformApi
from include.clients.prometheus import Prometheus
from include.clients.smtp import smtp_errors
from include.clients.twilio_sms import TwilioSms
from include.events import intake, planning, provision
from include.events.names import EventKey
from include.events.plan import EventPlan
from include.events.world import World
from include.store.connection import connect
from sandbox.testing import Credentials, SandboxServer
from tests.support.databases import Database

TIMEZONE = "Asia/Seoul"
NOW = datetime.now(UTC)
_days = itertools.count(30)


def unique_id(prefix: str = "req") -> str:
    """Return a request id that no other test uses: slugs are taken from it, and roles are shared by a whole cluster."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def request_body(
    request_id: str | None = None, *, attendees: int = 80, language: str = "en", **event: Any
) -> dict[str, Any]:
    """Return a request without faults; each on other days, so that two are never similar by accident."""
    starts_at = NOW.replace(microsecond=0) + timedelta(days=next(_days))
    return {
        "request_id": request_id or unique_id(),
        "customer": {
            "name": "Kim Haneul",
            "email": "haneul@example.com",
            "phone": "+821012345678",
            "language": language,
        },
        "event": {
            "name": "Spring Summit",
            "venue": "COEX Hall B",
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + timedelta(hours=6)).isoformat(),
            "expected_attendees": attendees,
            "gates": 2,
        }
        | event,
    }


@dataclass(frozen=True, kw_only=True)
class Outside:
    """The servers that stand around the project."""

    sandbox: SandboxServer
    platform: Database
    prometheus_url: str
    events_dir: Path


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    """Where mail is handed over; the sandbox's SMTP server keeps it."""

    port: int

    def send(self, message: EmailMessage) -> None:
        """Deliver a mail; failures come as those of the project's own hook."""
        with smtp_errors(), SMTP("127.0.0.1", self.port, timeout=10) as server:
            server.send_message(message)


@contextmanager
def open_world(ops: Database, outside: Outside) -> Iterator[World]:
    """Connect to everything as a task does."""
    with world_of(
        ops_dsn=ops.dsn("ops_tasks"),
        platform_dsn=outside.platform.dsn("ops_provisioner"),
        sandbox_url=outside.sandbox.url,
        smtp_port=outside.sandbox.smtp_port,
        credentials=outside.sandbox.credentials,
        prometheus_url=outside.prometheus_url,
        events_dir=outside.events_dir,
    ) as world:
        yield world


@contextmanager
def world_of(
    *,
    ops_dsn: str,
    platform_dsn: str,
    sandbox_url: str,
    smtp_port: int,
    credentials: Credentials,
    prometheus_url: str,
    events_dir: Path,
) -> Iterator[World]:
    """Connect to everything, wherever it is."""
    kubernetes = client.Configuration(host=f"{sandbox_url}/k8s")
    kubernetes.api_key = {"authorization": f"Bearer {credentials.kubernetes_token}"}
    kubernetes.retries = False
    api_client = client.ApiClient(kubernetes)
    with ExitStack() as stack:
        yield World(
            ops=stack.enter_context(connect(ops_dsn, application_name="tests", autocommit=True)),
            platform=stack.enter_context(connect(platform_dsn, application_name="tests", autocommit=True)),
            core=client.CoreV1Api(api_client),
            networking=client.NetworkingV1Api(api_client),
            platform_api=stack.enter_context(
                PlatformApi(base_url=f"{sandbox_url}/platform", token=credentials.platform_token)
            ),
            prometheus=stack.enter_context(Prometheus(base_url=prometheus_url)),
            events_dir=events_dir,
            promtool="promtool",
            send_email=Mailbox(port=smtp_port).send,
            sms=TwilioSms(
                base_url=f"{sandbox_url}/twilio",
                account_sid=credentials.twilio_account_sid,
                auth_token=credentials.twilio_auth_token,
                sender=credentials.twilio_from,
            ),
            guide_base_url="http://127.0.0.1:18080",
            mail_from="events@platform-ops.example",
            operators_email="operators@platform-ops.example",
            timezone=TIMEZONE,
        )


@dataclass(frozen=True, kw_only=True)
class Approved:
    """A request that may be provisioned."""

    request_id: str
    attempt: int
    plan_hash: str
    plan: EventPlan

    @property
    def key(self) -> EventKey:
        return EventKey.of(self.plan)

    def approve(self, world: World) -> None:
        """Let the rules approve it."""
        process.approve_automatically(
            world.ops, request_id=self.request_id, attempt=self.attempt, plan_hash=self.plan_hash
        )

    def apply_all(self, world: World, *, up_to: str = provision.STEPS[-1]) -> None:
        """Carry out all steps, or those up to one of them."""
        for name in provision.STEPS[: provision.STEPS.index(up_to) + 1]:
            self.apply(name, world)

    def apply_quickly(self, world: World) -> None:
        """Carry out what the confirmation needs, without waiting for Prometheus."""
        for name in ("schema", "endpoint", "handover"):
            self.apply(name, world)

    def apply(self, name: str, world: World) -> dict[str, Any]:
        """Carry out a step of it."""
        return provision.apply_step(
            name, world, request_id=self.request_id, attempt=self.attempt, plan_hash=self.plan_hash
        )


def receive(world: World, body: dict[str, Any]) -> str:
    """Take a request in and return its id."""
    identity = intake.Identity.user("requester1")
    return intake.receive(world.ops, body, identity=identity, source="airflow", now=NOW).request_id


def approve(world: World, body: dict[str, Any]) -> Approved:
    """Take a small request in, plan and approve it."""
    request_id = receive(world, body)
    planned = plan(world, request_id)
    approved = Approved(request_id=request_id, attempt=1, plan_hash=planned.plan_hash, plan=planned.plan)
    approved.approve(world)
    return approved


def plan(world: World, request_id: str, attempt: int = 1) -> planning.PlannedEvent:
    """Plan a request that was taken in."""
    return planning.plan_event(
        world.ops,
        world.platform,
        request_id=request_id,
        attempt=attempt,
        now=NOW,
        platform_url=world.platform_api.base_url,
        timezone=TIMEZONE,
    )


def row_of(conn: psycopg.Connection[Any], request_id: str) -> dict[str, Any]:
    """Return a request's row."""
    row: dict[str, Any] = conn.execute(
        "SELECT * FROM ops.event_requests WHERE request_id = %s", (request_id,)
    ).fetchone()
    return row
