"""Least privilege in `ops`, to the letter: who gets one more right has to say so here."""

import psycopg
import pytest

from include.store.bootstrap import OPS_LOGINS, OWNER
from tests.support.databases import Database

TABLE_RIGHTS = """
SELECT a.grantee::regrole::text AS role, c.relname AS object, string_agg(a.privilege_type, ' ' ORDER BY 1) AS rights
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace CROSS JOIN aclexplode(c.relacl) AS a
 WHERE n.nspname = 'ops' AND a.grantee <> c.relowner GROUP BY 1, 2
UNION ALL
SELECT a.grantee::regrole::text, c.relname || '.' || t.attname, string_agg(a.privilege_type, ' ' ORDER BY 1)
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_attribute AS t ON t.attrelid = c.oid
 CROSS JOIN aclexplode(t.attacl) AS a WHERE n.nspname = 'ops' GROUP BY 1, 2
"""
FUNCTIONS = """
SELECT p.proname AS name FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
 WHERE n.nspname = 'ops' AND p.prorettype <> 'trigger'::regtype AND has_function_privilege(%s, p.oid, 'EXECUTE')
"""

READ, WRITE = "SELECT", "INSERT SELECT UPDATE"
RIGHTS = {
    "ops_tasks": {
        "customers": READ,
        "event_requests": WRITE,
        "event_steps": WRITE,
        "event_effects": WRITE,
        "event_archives": WRITE,
        "event_guides": "DELETE " + WRITE,
        "event_ratings": "DELETE " + WRITE,
        "ledger": READ,
        "ledger_anchors": "INSERT SELECT",
    },
    "ops_console": {
        "customers": READ,
        "api_keys": READ,
        "api_keys.last_used_at": "UPDATE",
        "event_requests": WRITE,
        "event_steps": READ,
        "event_effects": READ,
        "event_guides": READ,
        "event_ratings": READ,
        "event_ratings.score": "UPDATE",
        "event_ratings.comment": "UPDATE",
        "event_ratings.rated_at": "UPDATE",
        "event_archives": READ,
        "ledger": READ,
        "ledger_anchors": READ,
    },
    "ops_engine": {
        "event_requests": READ,
        "event_requests.dag_run_id": "UPDATE",
        "event_requests.status": "UPDATE",
        "event_requests.error": "UPDATE",
        "event_requests.finished_at": "UPDATE",
        "ledger.entry_id": READ,
        "ledger.at": READ,
        "ledger_anchors.head_entry_id": READ,
    },
    "ops_auditor": {"ledger": READ, "ledger_anchors": "INSERT SELECT"},
}


def test_every_role_has_what_it_needs_and_no_more(ops_db: Database) -> None:
    found: dict[str, dict[str, str]] = {}
    with ops_db.connect() as conn:
        for row in conn.execute(TABLE_RIGHTS):
            found.setdefault(row["role"], {})[row["object"]] = " ".join(sorted(row["rights"].split()))
    assert found == RIGHTS


@pytest.mark.parametrize(
    ("role", "functions"),
    [
        ("ops_tasks", {"append_ledger_entry"}),
        ("ops_console", {"append_ledger_entry"}),
        ("ops_engine", {"append_ledger_entry"}),
        ("ops_auditor", set()),
    ],
)
def test_the_only_function_is_the_one_that_appends(ops_db: Database, role: str, functions: set[str]) -> None:
    with ops_db.connect() as conn:
        assert {row["name"] for row in conn.execute(FUNCTIONS, (role,))} == functions


def test_no_role_has_powers_over_the_cluster(ops_db: Database) -> None:
    query = (
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)"
        " AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)"
    )
    with ops_db.connect() as conn:
        assert conn.execute(query, ([OWNER, *OPS_LOGINS],)).fetchall() == []


def test_only_the_migrator_is_a_member_of_the_owner(ops_db: Database) -> None:
    query = "SELECT member::regrole::text AS member FROM pg_auth_members WHERE roleid = %s::regrole"
    with ops_db.connect() as conn:
        assert [row["member"] for row in conn.execute(query, (OWNER,))] == ["ops_migrator"]


def test_nobody_logs_in_as_the_owner(ops_db: Database) -> None:
    with pytest.raises(psycopg.OperationalError):
        ops_db.connect(OWNER)


@pytest.mark.parametrize("role", OPS_LOGINS)
def test_the_server_keeps_no_password_that_can_be_read(ops_db: Database, role: str) -> None:
    with ops_db.connect() as conn:
        row = conn.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", (role,)).fetchone()
    assert row is not None
    assert row["rolpassword"].startswith("SCRAM-SHA-256$")
