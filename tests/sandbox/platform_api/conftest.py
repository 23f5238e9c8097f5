"""The events platform's API on a real database, with two events that the provisioner made."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.testing import SandboxServer
from tests.support.databases import Database, copy_database, drop_database
from tests.support.postgres import PostgresCluster

EVENTS = ("spring_fair", "autumn_gala")
DATABASE = "platform_of_the_sandbox"
SETTINGS = {
    "name": "봄 축제",
    "venue": "코엑스",
    "event_type": "festival",
    "starts_at": "2030-04-01T09:00:00+09:00",
    "ends_at": "2030-04-01T18:00:00+09:00",
    "expected_attendees": 80,
    "language": "ko",
    "gates": 3,
    "access_policy": {"re_entry": True},
    "notification_settings": {"reminder_hours": 24},
}


@pytest.fixture(scope="session")
def events_database(platform_cluster: PostgresCluster, platform_template: str) -> Iterator[Database]:
    """A database with two events."""
    logins = ("platform_api", "ops_provisioner")
    database = copy_database(
        platform_cluster, template=platform_template, name=DATABASE, owner="postgres", logins=logins
    )
    with database.connect("ops_provisioner", autocommit=True) as connection:
        for slug in EVENTS:
            connection.execute(
                "SELECT platform_ops.create_event_schema(%s, %s, %s)", (slug, f"request-{slug}", json.dumps(SETTINGS))
            )
    yield database
    with database.connect("ops_provisioner", autocommit=True) as connection:
        for slug in EVENTS:
            connection.execute("SELECT platform_ops.drop_event_schema(%s, %s)", (slug, f"request-{slug}"))
    drop_database(database)


@pytest.fixture(scope="session")
def _running_platform(events_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    state_dir: Path = tmp_path_factory.mktemp("sandbox")
    with SandboxServer(state_dir=state_dir, platform_dsn=events_database.dsn("platform_api")) as server:
        yield server


@pytest.fixture
def platform(_running_platform: SandboxServer, events_database: Database) -> SandboxServer:
    """The platform's API with empty tables: nothing is registered, no accounts, no people."""
    _running_platform.reset()
    with events_database.connect(autocommit=True) as connection:
        connection.execute("TRUNCATE platform_api.endpoints, platform_api.accounts, platform_api.tokens CASCADE")
        for slug in EVENTS:
            connection.execute(f"TRUNCATE event_{slug}.participants CASCADE")
    return _running_platform


@pytest.fixture
def service(platform: SandboxServer) -> Iterator[httpx.Client]:
    """A client with the service token."""
    headers = {"authorization": f"Bearer {platform.credentials.platform_token}"}
    with httpx.Client(base_url=f"{platform.url}/platform", headers=headers) as client:
        yield client


@pytest.fixture
def stranger(platform: SandboxServer) -> Iterator[httpx.Client]:
    """A client without any token."""
    with httpx.Client(base_url=f"{platform.url}/platform") as client:
        yield client


def registration(slug: str) -> dict[str, Any]:
    """The body that registers an event."""
    return {"schema": f"event_{slug}", "role": f"event_{slug}_api"}


@pytest.fixture
def registered(service: httpx.Client) -> tuple[str, ...]:
    """Both events, registered."""
    for slug in EVENTS:
        service.put(f"/v1/endpoints/{slug}", json=registration(slug)).raise_for_status()
    return EVENTS


@pytest.fixture
def probe(service: httpx.Client, registered: tuple[str, ...]) -> Any:
    """Make headers with a probe token of an event: `probe("spring_fair")`."""

    def headers(slug: str) -> dict[str, str]:
        token = service.post(f"/v1/endpoints/{slug}/probe-token").json()["token"]
        return {"authorization": f"Bearer {token}"}

    return headers
