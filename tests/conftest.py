"""Fixtures for all tests; what needs a server starts one on a free port, once per session."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.support.postgres import PostgresCluster

pytest_plugins = [name for name in ("tests.support.databases", "tests.support.sandbox") if find_spec(name)]


@pytest.fixture(scope="session")
def state_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresCluster]:
    """A running cluster like the stack's *state* cluster (databases `airflow` and `ops` live there)."""
    with PostgresCluster.start(tmp_path_factory.mktemp("state")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def platform_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresCluster]:
    """A running cluster like the stack's *platform* cluster: logical decoding is on."""
    with PostgresCluster.start(tmp_path_factory.mktemp("platform"), {"wal_level": "logical"}) as cluster:
        yield cluster
