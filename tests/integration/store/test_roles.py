"""Least privilege in `ops`, to the letter: who gets one more right has to say so here."""

import psycopg
import pytest
from psycopg.types.json import Jsonb

from include.events.intake import RESUMABLE_STATUSES
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

STATUSES = """
SELECT unnest(regexp_matches(pg_get_constraintdef(oid), '''([a-z_]+)''', 'g')) AS status FROM pg_constraint
 WHERE conrelid = 'ops.event_requests'::regclass AND conname = 'event_requests_status_check'
"""
ADD_REQUEST = """
INSERT INTO ops.event_requests (request_id, body, body_hash, source, requester, customer_email, event_name, starts_at,
    ends_at, expected_attendees, slug, status, approvals, dag_run_id)
VALUES ('r', '{}', 'h', 'api', 'user:u', 'c@x.example', 'Event', now(), now() + interval '1 day', 80, 'r_slug',
    %(status)s, %(approvals)s, %(run)s)
"""

READ, WRITE = "SELECT", "INSERT SELECT UPDATE"
# What a new request says of itself; everything else has a default, with which it begins.
ENTERED = (
    "request_id",
    "body",
    "body_hash",
    "source",
    "requester",
    "customer_id",
    "customer_email",
    "event_name",
    "starts_at",
    "ends_at",
    "expected_attendees",
    "not_duplicate_of",
    "slug",
)
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
        "event_requests": READ,
        **{f"event_requests.{column}": "INSERT" for column in ENTERED},
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
        "ledger.entry_id": READ,
        "ledger.at": READ,
        "ledger.action": READ,
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
        ("ops_tasks", {"append_ledger_entry", "start_attempt"}),
        ("ops_console", {"append_ledger_entry", "start_attempt"}),
        ("ops_engine", {"append_ledger_entry", "close_refused"}),
        ("ops_auditor", set()),
    ],
)
def test_every_role_may_call_what_it_needs(ops_db: Database, role: str, functions: set[str]) -> None:
    with ops_db.connect() as conn:
        assert {row["name"] for row in conn.execute(FUNCTIONS, (role,))} == functions


def test_functions_that_run_as_the_owner_look_nothing_up_in_the_callers_path(ops_db: Database) -> None:
    query = (
        "SELECT proname, proconfig FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace"
        " WHERE n.nspname = 'ops' AND prosecdef"
    )
    with ops_db.connect() as conn:
        found = {row["proname"]: row["proconfig"] for row in conn.execute(query)}
    assert found.keys() == {"append_ledger_entry", "start_attempt", "close_refused"}
    assert all(path == ["search_path=pg_catalog, pg_temp"] for path in found.values())


def add_request(database: Database, status: str, *, last_answer: str | None = None, run: str | None = None) -> None:
    """Put the one request "r" where it should be, first attempt."""
    approvals = [{"kind": "asked"}, {"kind": last_answer}] if last_answer else []
    with database.connect() as conn:
        conn.execute("DELETE FROM ops.event_requests")
        conn.execute(ADD_REQUEST, {"status": status, "approvals": Jsonb(approvals), "run": run})


def test_the_console_takes_up_again_what_is_at_rest_and_nothing_else(ops_db: Database) -> None:
    with ops_db.connect() as conn:
        statuses = [row["status"] for row in conn.execute(STATUSES)]
    taken = set()
    for status in statuses:
        add_request(ops_db, status, run="request__r__1")
        with ops_db.connect("ops_console") as conn:
            row = conn.execute("SELECT ops.start_attempt('r', 1) AS attempt").fetchone()
        taken |= {status} if row == {"attempt": 2} else set()
    assert len(statuses) > 10
    assert taken == RESUMABLE_STATUSES


@pytest.mark.parametrize(("last_answer", "attempt"), [("refused", 2), ("answer", None)])
def test_a_no_is_taken_up_again_only_when_it_did_not_count(
    ops_db: Database, last_answer: str, attempt: int | None
) -> None:
    add_request(ops_db, "rejected", last_answer=last_answer)
    with ops_db.connect("ops_console") as conn:
        assert conn.execute("SELECT ops.start_attempt('r', 1) AS attempt").fetchone() == {"attempt": attempt}


def test_an_attempt_is_started_once(ops_db: Database) -> None:
    add_request(ops_db, "expired")
    with ops_db.connect("ops_console") as conn:
        assert conn.execute("SELECT ops.start_attempt('r', 1) AS attempt").fetchone() == {"attempt": 2}
        assert conn.execute("SELECT ops.start_attempt('r', 1) AS attempt").fetchone() == {"attempt": None}


@pytest.mark.parametrize(
    ("status", "run", "closed"),
    [("received", None, True), ("received", "request__r__1", None), ("planned", None, None), ("completed", None, None)],
)
def test_the_engine_closes_only_what_waits_for_a_run(
    ops_db: Database, status: str, run: str | None, closed: bool | None
) -> None:
    add_request(ops_db, status, run=run)
    with ops_db.connect("ops_engine") as conn:
        row = conn.execute("SELECT ops.close_refused('r', 1, '{}') AS closed").fetchone()
    assert row == {"closed": closed}
    with ops_db.connect() as conn:
        expected = "invalid" if closed else status
        assert conn.execute("SELECT status FROM ops.event_requests").fetchone() == {"status": expected}


@pytest.mark.parametrize(
    ("role", "change"),
    [
        ("ops_console", "UPDATE ops.event_requests SET status = 'approved'"),
        ("ops_console", "UPDATE ops.event_requests SET requester = 'user:somebody.else'"),
        ("ops_console", "INSERT INTO ops.event_requests (request_id, status) VALUES ('s', 'completed')"),
        ("ops_engine", "UPDATE ops.event_requests SET status = 'approved'"),
        ("ops_engine", "UPDATE ops.event_requests SET error = NULL"),
    ],
)
def test_nobody_but_tasks_moves_a_request_on(ops_db: Database, role: str, change: str) -> None:
    add_request(ops_db, "received")
    with ops_db.connect(role) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(change)


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
