"""The initialisation jobs of docker-compose.yaml for real: their scripts and environment, on a cluster of our own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deploy.draw_secrets import main as draw_secrets
from stack.clusters import postgres_tool
from stack.config import StackConfig, read_env_file
from stack.secrets import USERS, secrets_file
from tests.architecture.source import ROOT
from tests.deploy.compose import load_compose
from tests.support.postgres import PostgresCluster

CONTAINER_PORT = 5432


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresCluster]:
    with PostgresCluster.start(tmp_path_factory.mktemp("cluster"), {"wal_level": "logical"}) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    config = StackConfig.load({"LOCAL_DIR": str(tmp_path_factory.mktemp("local"))})
    draw_secrets(config)
    return read_env_file(secrets_file(config))


@pytest.fixture
def run_job(cluster: PostgresCluster, secrets: Mapping[str, str], tmp_path: Path) -> Any:
    """Run a job as compose would, with the container's addresses turned into the test cluster's."""
    admin = conninfo_to_dict(cluster.dsn("postgres", "postgres"))
    given = {**secrets, **{f"PG_{name}_SUPERUSER_PASSWORD": str(admin["password"]) for name in ("STATE", "PLATFORM")}}
    services = load_compose({**given, "SEED_ROWS": "2000"})["services"]

    def run(name: str) -> None:
        environment = {
            key: value.replace(f"postgres-{name}:{CONTAINER_PORT}", f"127.0.0.1:{admin['port']}")
            for key, value in services[f"{name}-init"]["environment"].items()
        }
        environment |= {
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(tmp_path / "logs"),
            "CONFIG_DIRECTORY": str(tmp_path / "etc"),
            "HOME": str(tmp_path),
            "PATH": f"{Path(sys.executable).parent}:{Path(postgres_tool('psql')).parent}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
        }
        done = subprocess.run(
            services[f"{name}-init"]["command"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    return run


def test_the_state_cluster_is_made_ready_and_stays_so(
    run_job: Any, cluster: PostgresCluster, secrets: Mapping[str, str], tmp_path: Path
) -> None:
    run_job("state")
    run_job("state")  # as at every `docker compose up`

    with _login(cluster, "ops", "ops_tasks", secrets["OPS_TASKS_PASSWORD"]) as ops:
        assert ops.execute("SELECT count(*) FROM ops.event_requests").fetchone() == (0,)
    with _login(cluster, "airflow", "airflow", secrets["AIRFLOW_DB_PASSWORD"]) as airflow:
        names = {row[0] for row in airflow.execute("SELECT username FROM ab_user")}
        assert names == set(USERS)
    with _login(cluster, "ops", "postgres_exporter", secrets["PG_EXPORTER_PASSWORD"]) as exporter:
        assert exporter.execute("SELECT count(*) > 0 FROM pg_stat_activity").fetchone() == (True,)
    assert (tmp_path / "etc" / "prometheus" / "prometheus.yml").exists()


def test_the_platform_cluster_is_made_ready_and_stays_so(
    run_job: Any, cluster: PostgresCluster, secrets: Mapping[str, str]
) -> None:
    run_job("platform")
    run_job("platform")

    with _login(cluster, "platform", "platform_api", secrets["PLATFORM_API_PASSWORD"]) as api:
        assert api.execute("SELECT count(*) FROM platform_api.endpoints").fetchone() == (0,)
    with _login(cluster, "platform", "ops_provisioner", secrets["OPS_PROVISIONER_PASSWORD"]) as provisioner:
        assert provisioner.execute("SELECT platform_ops.leftovers('nothing_of_this')").fetchone() is not None


def _login(cluster: PostgresCluster, database: str, user: str, password: str) -> psycopg.Connection[Any]:
    dsn = make_conninfo(cluster.dsn(database, "postgres"), user=user, password=password)
    return psycopg.connect(dsn)
