"""The command line of the `ops` database, as `make up` runs it."""

from collections.abc import Iterator

import psycopg
import pytest

from include.store.__main__ import main
from include.store.bootstrap import AIRFLOW, OPS_LOGINS, password_variable
from tests.support.databases import ROLE_PASSWORD, Database, drop_database
from tests.support.postgres import PostgresCluster

VARIABLES = [password_variable(role) for role in (*OPS_LOGINS, AIRFLOW)]


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every role the password that the other tests of this cluster use."""
    for variable in VARIABLES:
        monkeypatch.setenv(variable, ROLE_PASSWORD)


@pytest.fixture
def cluster(state_cluster: PostgresCluster) -> Iterator[PostgresCluster]:
    """The state cluster; the databases that a bootstrap makes in it are dropped afterwards."""
    yield state_cluster
    with state_cluster.connect() as admin:
        made = admin.execute("SELECT datname FROM pg_database WHERE datname IN ('ops', 'airflow')").fetchall()
    for (name,) in made:
        drop_database(Database(cluster=state_cluster, name=str(name)))


@pytest.mark.usefixtures("passwords")
def test_bootstrap_and_migrate_prepare_an_empty_cluster_and_can_be_run_again(
    cluster: PostgresCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    migrator = Database(cluster=cluster, name="ops").dsn("ops_migrator")
    for _ in range(2):
        assert main(["bootstrap", "--admin-dsn", cluster.dsn()]) == 0
        assert main(["migrate", "--dsn", migrator]) == 0

    said = capsys.readouterr().out
    assert "databases created: ops, airflow" in said
    assert "databases created: none" in said
    with Database(cluster=cluster, name="ops").connect("ops_tasks") as conn:
        assert conn.execute("SELECT count(*) AS n FROM ops.event_requests").fetchone() == {"n": 0}


@pytest.mark.usefixtures("passwords")
def test_each_process_enters_its_own_database_only(cluster: PostgresCluster) -> None:
    main(["bootstrap", "--admin-dsn", cluster.dsn()])

    Database(cluster=cluster, name="airflow").connect(AIRFLOW).close()
    for database, role in (("ops", AIRFLOW), ("airflow", "ops_tasks")):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            Database(cluster=cluster, name=database).connect(role)


def test_a_migration_goes_to_the_revision_that_was_asked_for(ops_db: Database) -> None:
    dsn = ops_db.dsn("ops_migrator")
    assert main(["downgrade", "--dsn", dsn, "0001"]) == 0
    assert main(["migrate", "--dsn", dsn, "--to", "0002"]) == 0
    with ops_db.connect() as conn:
        assert conn.execute("SELECT version_num FROM ops.migration").fetchall() == [{"version_num": "0002"}]


def test_missing_passwords_are_named_all_at_once(
    state_cluster: PostgresCluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)

    assert main(["bootstrap", "--admin-dsn", state_cluster.dsn()]) == 2

    said = capsys.readouterr().err
    assert all(variable in said for variable in VARIABLES)


@pytest.mark.parametrize("command", [["migrate"], ["downgrade", "base"], ["bootstrap"], ["verify-ledger"]])
def test_a_command_without_a_database_says_what_to_set(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in ("OPS_MIGRATION_DSN", "OPS_ADMIN_DSN", "OPS_AUDITOR_DSN", "AIRFLOW_CONN_OPS_DB"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LOCAL_DIR", "no-stack-here")

    assert main(command) == 2
    assert "set" in capsys.readouterr().err


def test_a_server_that_is_away_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify-ledger", "--dsn", "postgresql://nobody@127.0.0.1:1/ops"]) == 2
    assert capsys.readouterr().err.startswith("error: ")
