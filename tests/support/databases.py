"""Fresh databases for tests: migrated once per session as a template, then copied in a fraction of a second."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow

from include.events import platform_grants
from include.store.bootstrap import OPS_LOGINS, OWNER, bootstrap
from include.store.connection import connect
from include.store.migrate import migrate
from sandbox.platform_db.install import install
from stack.clusters import SUPERUSER
from tests.support.postgres import PostgresCluster

ROLE_PASSWORD = "password-of-a-test-role"

_OPS_TEMPLATE = "ops_template"
_PLATFORM_TEMPLATE = "platform_template"
_PLATFORM_LOGINS = ("platform_api", "ops_provisioner")
_numbers = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database of a test cluster that any of its roles can log in to."""

    cluster: PostgresCluster
    name: str

    def dsn(self, user: str = SUPERUSER) -> str:
        """Return a libpq connection string; every role but the superuser has `ROLE_PASSWORD`."""
        password = self.cluster.password if user == SUPERUSER else ROLE_PASSWORD
        return make_conninfo(self.cluster.dsn(self.name), user=user, password=password)

    def connect(self, user: str = SUPERUSER, *, autocommit: bool = False) -> psycopg.Connection[DictRow]:
        """Connect as the given role with rows as dictionaries. The caller closes it."""
        return connect(self.dsn(user), application_name="tests", autocommit=autocommit)

    def airflow_uri(self, user: str) -> str:
        """Return the connection as Airflow takes it in `AIRFLOW_CONN_*`."""
        return f"postgres://{user}:{ROLE_PASSWORD}@127.0.0.1:{self.cluster.port}/{self.name}"


def copy_database(cluster: PostgresCluster, *, template: str, name: str, owner: str, logins: Sequence[str]) -> Database:
    """Create a database as a copy of a template that nobody is connected to; only `logins` may enter it.

    PostgreSQL copies everything but the rights on the database itself, so these are given again.
    """
    with cluster.connect() as admin:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
        admin.execute(statement.format(*map(sql.Identifier, (name, template, owner))))
        admin.execute(sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
        statement = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}")
        admin.execute(statement.format(sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, logins))))
    return Database(cluster=cluster, name=name)


def drop_database(database: Database) -> None:
    """Drop a database, whoever is still connected."""
    with database.cluster.connect() as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name)))


@pytest.fixture(scope="session")
def ops_template(state_cluster: PostgresCluster) -> str:
    """Bootstrap and migrate one `ops` database per session; the others are copies of it."""
    bootstrap(state_cluster.dsn(), dict.fromkeys(OPS_LOGINS, ROLE_PASSWORD), ops_database=_OPS_TEMPLATE)
    migrate(Database(cluster=state_cluster, name=_OPS_TEMPLATE).dsn("ops_migrator"))
    return _OPS_TEMPLATE


@pytest.fixture
def ops_db(state_cluster: PostgresCluster, ops_template: str) -> Iterator[Database]:
    """A fresh, migrated `ops` database: `ops_db.connect("ops_tasks")`, `ops_db.dsn("ops_engine")`."""
    name = f"ops_{next(_numbers)}"
    database = copy_database(state_cluster, template=ops_template, name=name, owner=OWNER, logins=OPS_LOGINS)
    yield database
    drop_database(database)


@pytest.fixture(scope="session")
def platform_template(platform_cluster: PostgresCluster) -> str:
    """Install the events platform, without its data, and what its DBA grants us, once per session."""
    template = Database(cluster=platform_cluster, name=_PLATFORM_TEMPLATE)
    install(template.dsn(), api_password=ROLE_PASSWORD)
    platform_grants.install(template.dsn(), password=ROLE_PASSWORD)
    return _PLATFORM_TEMPLATE


@pytest.fixture
def platform_db(platform_cluster: PostgresCluster, platform_template: str) -> Iterator[Database]:
    """A fresh database of the events platform; roles: `platform_api`, `ops_provisioner`, the superuser.

    Roles belong to the cluster, not to the database: events that a test leaves behind keep their names taken.
    """
    name = f"platform_{next(_numbers)}"
    database = copy_database(
        platform_cluster, template=platform_template, name=name, owner=SUPERUSER, logins=_PLATFORM_LOGINS
    )
    yield database
    drop_database(database)
