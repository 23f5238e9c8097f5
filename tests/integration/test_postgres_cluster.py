"""The cluster that other tests build on."""

import psycopg
import pytest

from tests.support.postgres import PostgresCluster


def test_cluster_answers_and_keeps_committed_rows_over_a_crash(tmp_path) -> None:
    with PostgresCluster.start(tmp_path) as cluster:
        with cluster.connect() as connection:
            connection.execute("create table kept (n int)")
            connection.execute("insert into kept values (1)")
            connection.execute("checkpoint")
        cluster.kill()
        cluster.restart()
        with cluster.connect() as connection:
            assert connection.execute("select n from kept").fetchall() == [(1,)]


def test_platform_cluster_decodes_logically_and_asks_for_a_password(platform_cluster) -> None:
    with platform_cluster.connect() as connection:
        assert connection.execute("show wal_level").fetchone() == ("logical",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(platform_cluster.dsn(password="wrong"))
