"""What the DBA grants us on the platform: enough to create, look at and drop an event's schema, and nothing more."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from include.events import platform_grants
from tests.support.databases import ROLE_PASSWORD, Database

TABLES = {"event_info", "gates", "access_policies", "notification_settings", "participants", "entry_logs"}
AT_ONCE = 8
SETTINGS: dict[str, Any] = {
    "name": "서울 봄 음악회",
    "venue": "올림픽홀",
    "event_type": "concert",
    "starts_at": "2026-05-01T19:00:00+09:00",
    "ends_at": "2026-05-01T22:00:00+09:00",
    "expected_attendees": 80,
    "gates": 3,
    "language": "ko",
    "access_policy": {"re_entry": True, "opens_minutes_before": 60},
    "notification_settings": {"channels": ["email"]},
}
EVERYTHING = """
SELECT (SELECT count(*) FROM pg_roles) AS roles, (SELECT count(*) FROM pg_auth_members) AS members,
       (SELECT count(*) FROM pg_namespace) AS schemas, (SELECT count(*) FROM pg_class) AS relations,
       (SELECT count(*) FROM pg_type) AS types, (SELECT count(*) FROM pg_description) AS comments,
       (SELECT count(*) FROM pg_shdescription) AS shared_comments,
       (SELECT count(*) FROM pg_shdepend WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))
           AS grants
"""


@pytest.fixture
def provisioner(platform_db: Database) -> Iterator[psycopg.Connection[DictRow]]:
    """Log in as ops_provisioner."""
    with platform_db.connect("ops_provisioner", autocommit=True) as conn:
        yield conn


@pytest.fixture
def admin(platform_db: Database) -> Iterator[psycopg.Connection[DictRow]]:
    """Log in as superuser."""
    with platform_db.connect(autocommit=True) as conn:
        yield conn


@pytest.fixture
def slug(platform_db: Database) -> Iterator[str]:
    """A slug that no other test of this cluster has; the event is dropped afterwards, its roles with it."""
    name = f"e{uuid4().hex[:8]}"
    yield name
    with platform_db.connect(autocommit=True) as conn:
        drop(conn, name, f"r-{name}")


def create(conn: psycopg.Connection[DictRow], slug: str, request_id: str | None = None, **changes: object) -> None:
    """Create an event's schema; the request is called after the slug."""
    conn.execute(
        "SELECT platform_ops.create_event_schema(%s, %s, %s)",
        (slug, request_id or f"r-{slug}", Jsonb(SETTINGS | changes)),
    )


def drop(conn: psycopg.Connection[DictRow], slug: str, request_id: str) -> None:
    """Drop an event's schema."""
    conn.execute("SELECT platform_ops.drop_event_schema(%s, %s)", (slug, request_id))


def state(conn: psycopg.Connection[DictRow], slug: str) -> dict[str, Any]:
    """Look at an event's schema."""
    return dict(scalar(conn, "SELECT platform_ops.event_schema_state(%s) AS value", slug))


def scalar(conn: psycopg.Connection[DictRow], query: str, *values: object) -> Any:
    """Return the only value of a query."""
    row = conn.execute(query, values).fetchone()
    assert row is not None
    return row["value"]


def test_create_look_and_drop_leaves_nothing(
    provisioner: psycopg.Connection[DictRow], admin: psycopg.Connection[DictRow], slug: str
) -> None:
    before = admin.execute(EVERYTHING).fetchone()

    create(provisioner, slug)
    seen = state(provisioner, slug)
    assert (seen["schema_exists"], seen["owner_request"]) == (True, f"r-{slug}")
    assert set(seen["tables"]) == TABLES
    assert seen["roles"] == [f"event_{slug}_api", f"event_{slug}_owner", f"event_{slug}_viewer"]
    assert seen["members"] == {f"event_{slug}_{kind}": ["platform_api"] for kind in ("api", "viewer")}
    assert "participants_status_idx" in seen["tables"]["participants"]["indexes"]
    assert "entry_logs_gate_id_fkey" in seen["tables"]["entry_logs"]["constraints"]
    assert scalar(provisioner, "SELECT platform_ops.leftovers(%s) AS value", slug) == [
        f"role event_{slug}_api",
        f"role event_{slug}_owner",
        f"role event_{slug}_viewer",
        f"schema event_{slug}",
    ]

    drop(provisioner, slug, f"r-{slug}")
    drop(provisioner, slug, f"r-{slug}")
    assert scalar(provisioner, "SELECT platform_ops.leftovers(%s) AS value", slug) == []
    assert admin.execute(EVERYTHING).fetchone() == before


def test_the_rights_are_the_least_that_each_role_needs(provisioner: psycopg.Connection[DictRow], slug: str) -> None:
    create(provisioner, slug)

    grants = state(provisioner, slug)["grants"]

    assert grants[f"event_{slug}_viewer"] == {table: ["SELECT"] for table in TABLES}
    assert grants[f"event_{slug}_api"] == {
        "event_info": ["SELECT"],
        "access_policies": ["SELECT"],
        "notification_settings": ["SELECT"],
        "gates": ["SELECT", "UPDATE (is_open)"],
        "participants": ["INSERT", "SELECT", "UPDATE"],
        "entry_logs": ["INSERT", "SELECT"],
    }
    assert set(grants) == {f"event_{slug}_viewer", f"event_{slug}_api"}


def test_a_second_run_continues_and_heals(
    provisioner: psycopg.Connection[DictRow], admin: psycopg.Connection[DictRow], slug: str
) -> None:
    create(provisioner, slug)
    whole = state(provisioner, slug)
    schema = sql.Identifier(f"event_{slug}")
    admin.execute(sql.SQL("DROP TABLE {}.entry_logs").format(schema))
    admin.execute(sql.SQL("DROP INDEX {}.participants_status_idx").format(schema))
    admin.execute(sql.SQL("REVOKE ALL ON {}.gates FROM {}").format(schema, sql.Identifier(f"event_{slug}_api")))

    create(provisioner, slug)

    assert state(provisioner, slug) == whole


def test_the_settings_are_applied(
    provisioner: psycopg.Connection[DictRow], admin: psycopg.Connection[DictRow], slug: str
) -> None:
    create(provisioner, slug)
    admin.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(f"event_{slug}")))

    assert scalar(admin, "SELECT count(*) AS value FROM gates") == SETTINGS["gates"]
    assert scalar(admin, "SELECT name AS value FROM event_info") == SETTINGS["name"]
    assert (
        scalar(admin, "SELECT jsonb_object_agg(name, value) AS value FROM access_policies")
        == (SETTINGS["access_policy"])
    )
    assert (
        scalar(admin, "SELECT jsonb_object_agg(name, value) AS value FROM notification_settings")
        == (SETTINGS["notification_settings"])
    )


@pytest.mark.parametrize(
    "fault", [{"gates": 0}, {"gates": 201}, {"gates": None}, {"name": None}, {"ends_at": SETTINGS["starts_at"]}]
)
def test_settings_that_cannot_be_applied_leave_nothing(
    provisioner: psycopg.Connection[DictRow], slug: str, fault: dict[str, Any]
) -> None:
    with pytest.raises(psycopg.Error):
        create(provisioner, slug, **fault)

    assert scalar(provisioner, "SELECT platform_ops.leftovers(%s) AS value", slug) == []


CALLS_OF_ANOTHER_REQUEST = {
    "create": "SELECT platform_ops.create_event_schema(%(slug)s, 'r-2', %(settings)s)",
    "drop": "SELECT platform_ops.drop_event_schema(%(slug)s, 'r-2')",
    "read": "SELECT platform_ops.export_event_rows(%(slug)s, 'r-2', 'participants')",
    "write": "SELECT platform_ops.import_event_rows(%(slug)s, 'r-2', 'participants', '[]')",
    "drop without a request": "SELECT platform_ops.drop_event_schema(%(slug)s, NULL)",
}


@pytest.mark.parametrize("call", CALLS_OF_ANOTHER_REQUEST)
def test_another_request_cannot_touch_the_event(provisioner: psycopg.Connection[DictRow], slug: str, call: str) -> None:
    create(provisioner, slug)
    whole = state(provisioner, slug)

    with pytest.raises((psycopg.errors.DuplicateObject, psycopg.errors.InvalidParameterValue)):
        provisioner.execute(CALLS_OF_ANOTHER_REQUEST[call], {"slug": slug, "settings": Jsonb(SETTINGS)})

    assert state(provisioner, slug) == whole


@pytest.mark.parametrize("stranger", ["CREATE SCHEMA {}", "CREATE ROLE {}"])
def test_a_schema_or_role_that_is_not_ours_is_left_alone(
    provisioner: psycopg.Connection[DictRow], admin: psycopg.Connection[DictRow], stranger: str
) -> None:
    slug = f"e{uuid4().hex[:8]}"
    name = f"event_{slug}" + ("_api" if "ROLE" in stranger else "")
    admin.execute(sql.SQL(stranger).format(sql.Identifier(name)))  # type: ignore[arg-type]
    try:
        with pytest.raises(psycopg.errors.DuplicateObject, match=name):
            create(provisioner, slug)
        with pytest.raises(psycopg.errors.DuplicateObject, match=name):
            drop(provisioner, slug, f"r-{slug}")
    finally:
        admin.execute(sql.SQL(stranger.replace("CREATE", "DROP")).format(sql.Identifier(name)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE ROLE intruder",
        "CREATE SCHEMA intruder",
        "CREATE TABLE public.intruder (n int)",
        "CREATE TEMPORARY TABLE intruder (n int)",
        "CREATE DATABASE intruder",
        "CREATE EXTENSION pg_trgm",
        "CREATE FUNCTION platform_ops.intruder() RETURNS int LANGUAGE sql RETURN 1",
        "ALTER ROLE platform_api PASSWORD 'known'",
        "ALTER ROLE ops_provisioner SUPERUSER",
        "GRANT pg_execute_server_program TO ops_provisioner",
        "SET ROLE platform_api",
        "SET SESSION AUTHORIZATION postgres",
        "DROP SCHEMA platform_ops CASCADE",
        "DROP FUNCTION platform_ops.leftovers",
        "SELECT * FROM public.participants",
        "SELECT * FROM public.events",
        "SELECT * FROM platform_api.tokens",
        "SELECT rolpassword FROM pg_authid",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT platform_ops.create_event_tables('public')",
        "SELECT platform_ops.grant_event_rights('public', ARRAY['ops_provisioner', 'ops_provisioner', 'postgres'])",
        "SELECT platform_ops.claim_event('abc', 'r-1')",
        "SELECT platform_ops.event_claims('abc')",
    ],
)
def test_the_role_can_do_nothing_else(provisioner: psycopg.Connection[DictRow], statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        provisioner.execute(statement)


@pytest.mark.parametrize("kind", ["owner", "api", "viewer"])
def test_the_role_cannot_become_or_read_the_event_that_it_made(
    provisioner: psycopg.Connection[DictRow], slug: str, kind: str
) -> None:
    create(provisioner, slug)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        provisioner.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(f"event_{slug}_{kind}")))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        provisioner.execute(sql.SQL("SELECT * FROM {}.participants").format(sql.Identifier(f"event_{slug}")))


@pytest.mark.parametrize(
    "slug",
    [
        "",
        "ab",
        "a" * 32,
        "Abc",
        "1abc",
        "abc-d",
        "abc d",
        'abc"; DROP SCHEMA public CASCADE; --',
        "abc'; DROP SCHEMA public CASCADE; --",
        "abc%I",
        "abc$$",
        "abc\n",
        "abc\nDROP",
        "../public",
        "행사",
        None,
    ],
)
def test_a_slug_of_another_form_is_refused(provisioner: psycopg.Connection[DictRow], slug: str | None) -> None:
    looks = ["SELECT platform_ops.event_schema_state(%(slug)s)", "SELECT platform_ops.leftovers(%(slug)s)"]
    for call in [*CALLS_OF_ANOTHER_REQUEST.values(), *looks]:
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            provisioner.execute(call, {"slug": slug, "settings": Jsonb(SETTINGS)})


@pytest.mark.parametrize("table", ["pg_authid", "gates; DROP TABLE gates", 'gates"', "public.events", None])
def test_only_the_tables_of_an_event_are_exported(
    provisioner: psycopg.Connection[DictRow], slug: str, table: str | None
) -> None:
    create(provisioner, slug)
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        provisioner.execute("SELECT platform_ops.export_event_rows(%s, %s, %s)", (slug, f"r-{slug}", table))


def test_a_request_id_is_never_executed(
    provisioner: psycopg.Connection[DictRow], admin: psycopg.Connection[DictRow], slug: str
) -> None:
    nasty = "'; DROP SCHEMA public CASCADE; -- $$ %I \\"
    create(provisioner, slug, nasty)

    assert state(provisioner, slug)["owner_request"] == nasty
    assert scalar(admin, "SELECT to_regclass('public.events') IS NOT NULL AS value")
    drop(provisioner, slug, nasty)


def test_functions_put_in_front_of_the_catalogue_are_not_used(
    provisioner: psycopg.Connection[DictRow], admin: psycopg.Connection[DictRow], slug: str
) -> None:
    """The classic attack on SECURITY DEFINER: a search_path in which an own `format` or `=` comes first."""
    admin.execute("CREATE SCHEMA evil")
    admin.execute("GRANT USAGE ON SCHEMA evil TO PUBLIC")
    for signature in ("format(text, VARIADIC text[])", "quote_nullable(text)", "event_claims(text)", "now()"):
        admin.execute(
            f"CREATE FUNCTION evil.{signature} RETURNS text LANGUAGE plpgsql AS"  # type: ignore[arg-type]
            " $$ BEGIN ALTER ROLE ops_provisioner SUPERUSER; RETURN 'x'; END $$"
        )
    provisioner.execute("SET search_path = evil, pg_catalog")

    create(provisioner, slug)
    state(provisioner, slug)
    provisioner.execute("SELECT * FROM platform_ops.past_events()")
    drop(provisioner, slug, f"r-{slug}")

    assert not scalar(admin, "SELECT rolsuper AS value FROM pg_roles WHERE rolname = 'ops_provisioner'")


def test_every_function_that_runs_as_its_owner_has_a_fixed_search_path(admin: psycopg.Connection[DictRow]) -> None:
    loose = scalar(
        admin,
        "SELECT count(*) AS value FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace"
        " WHERE n.nspname = 'platform_ops'"
        " AND NOT 'search_path=pg_catalog, pg_temp' = ANY (coalesce(p.proconfig, '{}'))",
    )
    assert loose == 0


def test_the_platform_api_sees_one_event_at_a_time(platform_db: Database, slug: str) -> None:
    other = f"{slug}_b"
    with platform_db.connect("ops_provisioner", autocommit=True) as conn:
        create(conn, slug)
        create(conn, other)
    read = sql.SQL("SELECT count(*) FROM {}.participants")
    try:
        with platform_db.connect("platform_api") as conn:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(read.format(sql.Identifier(f"event_{slug}")))
            conn.rollback()
            conn.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(f"event_{slug}_api")))
            conn.execute(read.format(sql.Identifier(f"event_{slug}")))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(read.format(sql.Identifier(f"event_{other}")))
    finally:
        with platform_db.connect("ops_provisioner", autocommit=True) as conn:
            drop(conn, other, f"r-{other}")


def test_an_archive_restores_every_row(
    platform_db: Database, provisioner: psycopg.Connection[DictRow], slug: str
) -> None:
    create(provisioner, slug)
    with platform_db.connect("platform_api") as api:
        api.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(f"event_{slug}_api")))
        api.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(f"event_{slug}")))
        api.execute(
            "INSERT INTO participants (name, email)"
            " SELECT '참가자 ' || n, n || '@example.com' FROM generate_series(1, 9) AS n"
        )
        api.execute("INSERT INTO entry_logs (gate_id, participant_id) SELECT 1, participant_id FROM participants")
        api.execute("UPDATE gates SET is_open = false WHERE gate_id = 2")
    archive = {table: export(provisioner, slug, table) for table in sorted(TABLES)}

    drop(provisioner, slug, f"r-{slug}")
    create(provisioner, slug)
    for table in ("event_info", "gates", "access_policies", "notification_settings", "participants", "entry_logs"):
        for _ in range(2):
            provisioner.execute(
                "SELECT platform_ops.import_event_rows(%s, %s, %s, %s)",
                (slug, f"r-{slug}", table, Jsonb(archive[table])),
            )

    assert {table: export(provisioner, slug, table) for table in sorted(TABLES)} == archive
    with platform_db.connect("platform_api") as api:
        api.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(f"event_{slug}_api")))
        insert = sql.SQL("INSERT INTO {}.participants (name, email) VALUES ('new', 'new@example.com')")
        api.execute(insert.format(sql.Identifier(f"event_{slug}")))


def export(conn: psycopg.Connection[DictRow], slug: str, table: str) -> list[dict[str, Any]]:
    """Read a table of an event as the archive does."""
    query = "SELECT platform_ops.export_event_rows(%s, %s, %s) AS row"
    return [row["row"] for row in conn.execute(query, (slug, f"r-{slug}", table))]


def test_events_are_made_side_by_side_and_one_event_only_once(platform_db: Database, slug: str) -> None:
    names = [f"{slug}_{number}" for number in range(AT_ONCE)]

    def provision(name: str) -> None:
        with platform_db.connect("ops_provisioner", autocommit=True) as conn:
            create(conn, name)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(provision, [*names, *[slug] * AT_ONCE]))

    with platform_db.connect("ops_provisioner", autocommit=True) as conn:
        assert all(state(conn, name)["schema_exists"] for name in [*names, slug])
        for name in names:
            drop(conn, name, f"r-{name}")


def test_a_second_installation_changes_nothing(
    platform_db: Database, provisioner: psycopg.Connection[DictRow], admin: psycopg.Connection[DictRow], slug: str
) -> None:
    create(provisioner, slug)
    before = admin.execute(EVERYTHING).fetchone()

    platform_grants.install(platform_db.dsn(), password=ROLE_PASSWORD)

    assert admin.execute(EVERYTHING).fetchone() == before
    assert state(provisioner, slug)["schema_exists"]
