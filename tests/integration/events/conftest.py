"""Real PostgreSQL and Prometheus, and a sandbox, around the provisioning of events."""

from collections.abc import Iterator

import pytest

from include.events.world import World
from sandbox.testing import SandboxServer
from stack.clusters import SUPERUSER
from tests.support.databases import Database, copy_database, drop_database
from tests.support.events import Outside, open_world
from tests.support.monitoring import render_config, running_prometheus
from tests.support.postgres import PostgresCluster

LOGINS = ("platform_api", "ops_provisioner")


@pytest.fixture(scope="session")
def running_outside(
    platform_cluster: PostgresCluster, platform_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outside]:
    """The platform's database with the sandbox on top of it, and a Prometheus with the project's configuration."""
    platform = copy_database(
        platform_cluster, template=platform_template, name="platform_of_events", owner=SUPERUSER, logins=LOGINS
    )
    rendered = render_config(tmp_path_factory.mktemp("events"))
    with (
        SandboxServer(platform_dsn=platform.dsn("platform_api")) as sandbox,
        running_prometheus(rendered) as prometheus_url,
    ):
        yield Outside(sandbox=sandbox, platform=platform, prometheus_url=prometheus_url, events_dir=rendered.events_dir)
    drop_database(platform)


@pytest.fixture
def outside(running_outside: Outside) -> Outside:
    """The servers around, without faults, messages or a cluster's objects of earlier tests."""
    running_outside.sandbox.reset()
    return running_outside


@pytest.fixture
def world(ops_db: Database, outside: Outside) -> Iterator[World]:
    """Everything outside, connected as a task is."""
    with open_world(ops_db, outside) as opened:
        yield opened
