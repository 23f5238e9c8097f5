"""Bootstrap and migrations on a real PostgreSQL: up, down, up again, by the right role, only when prepared."""

import psycopg
import pytest

from include.store.bootstrap import OPS_LOGINS, OWNER, bootstrap
from include.store.errors import NotBootstrapped
from include.store.migrate import downgrade, migrate
from tests.support.databases import ROLE_PASSWORD, Database
from tests.support.postgres import PostgresCluster

OBJECTS = """
SELECT c.relname AS name, pg_get_userbyid(c.relowner) AS owner FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname = 'ops' AND c.relname <> 'migration' AND c.relname <> 'migration_pkc'
UNION ALL
SELECT p.proname, pg_get_userbyid(p.proowner) FROM pg_proc AS p
  JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = 'ops'
"""


def objects(database: Database) -> set[str]:
    """Return what is in the schema `ops`, and check on the way that all of it belongs to the owner role."""
    with database.connect() as conn:
        rows = conn.execute(OBJECTS).fetchall()
    assert {row["owner"] for row in rows} <= {OWNER}
    return {row["name"] for row in rows}


def test_up_down_and_up_again_gives_the_same(ops_db: Database) -> None:
    dsn = ops_db.dsn("ops_migrator")
    newest = objects(ops_db)
    assert {"event_requests", "api_keys", "ledger", "append_ledger_entry"} <= newest

    downgrade(dsn, to="0001")
    assert {"ledger", "ledger_anchors", "append_ledger_entry"} & objects(ops_db) == set()
    downgrade(dsn, to="base")
    assert objects(ops_db) == set()

    migrate(dsn)
    assert objects(ops_db) == newest


def test_the_trigram_extension_knows_korean_letters(ops_db: Database) -> None:
    with ops_db.connect("ops_tasks") as conn:
        row = conn.execute("SELECT similarity('서울 봄 음악회', '서울 봄 음악회 2일차') AS close").fetchone()
    assert row is not None
    assert row["close"] > 0.6


def test_a_second_bootstrap_creates_nothing(ops_db: Database) -> None:
    again = bootstrap(ops_db.dsn(), dict.fromkeys(OPS_LOGINS, ROLE_PASSWORD), ops_database=ops_db.name)

    assert (again.roles, again.databases) == ((), ())


def test_a_migration_without_bootstrap_says_what_is_missing(state_cluster: PostgresCluster) -> None:
    with pytest.raises(NotBootstrapped, match="schema ops"):
        migrate(state_cluster.dsn("postgres"))


@pytest.mark.parametrize("role", ["ops_tasks", "ops_console", "ops_engine", "ops_auditor"])
def test_no_process_can_change_the_schema(ops_db: Database, role: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        downgrade_as(ops_db, role)


def downgrade_as(database: Database, role: str) -> None:
    """Try to drop a table as one of the processes would."""
    with database.connect(role) as conn:
        conn.execute("DROP TABLE ops.event_guides")
