"""Installing and seeding the events platform on a real PostgreSQL."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from sandbox.platform_db.__main__ import main
from sandbox.platform_db.install import install
from sandbox.platform_db.profiles import VENUES
from sandbox.platform_db.seed import TABLES
from tests.support.databases import ROLE_PASSWORD, Database

Seed = Callable[..., int]


@pytest.fixture
def seed(platform_db: Database) -> Seed:
    """Run the command on the test's database."""

    def run(*, rows: int = 3_000, number: int = 7) -> int:
        arguments = ["--rows", str(rows), "--seed", str(number), "--until", "2026-03-01"]
        return main(["seed", "--dsn", platform_db.dsn(), *arguments])

    return run


def value(database: Database, query: str, user: str = "postgres") -> Any:
    """Return the only value of a query."""
    with database.connect(user) as conn:
        row = conn.execute(query).fetchone()  # type: ignore[call-overload]
    return next(iter(row.values()))


DIGEST = """
SELECT md5(string_agg(line, '' ORDER BY line)) FROM (
    SELECT e::text AS line FROM public.events AS e UNION ALL SELECT p::text FROM public.participants AS p
    UNION ALL SELECT l::text FROM public.entry_logs AS l UNION ALL SELECT c::text FROM public.customers AS c) AS lines
"""


def test_the_tables_are_filled_and_the_command_says_so(
    platform_db: Database, seed: Seed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seed() == 0

    with platform_db.connect() as conn:
        for table in TABLES:
            query = sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier("public", table))
            assert conn.execute(query).fetchone()
    said = capsys.readouterr().out
    assert "participants" in said
    assert " rows in " in said


def test_a_second_run_finds_the_data_there(
    platform_db: Database, seed: Seed, capsys: pytest.CaptureFixture[str]
) -> None:
    seed()
    before = value(platform_db, DIGEST)

    seed()

    assert "were there already" in capsys.readouterr().out
    assert value(platform_db, DIGEST) == before


def test_another_seed_replaces_the_data_and_the_first_gives_it_back(platform_db: Database, seed: Seed) -> None:
    seed()
    first = value(platform_db, DIGEST)
    seed(number=8)
    assert value(platform_db, DIGEST) != first
    seed()
    assert value(platform_db, DIGEST) == first


def test_the_platform_goes_on_numbering(platform_db: Database, seed: Seed) -> None:
    seed()
    with platform_db.connect() as conn:
        row = conn.execute(
            "INSERT INTO public.venues (name, city, capacity, max_gates) VALUES ('new', '서울', 1, 1)"
            " RETURNING venue_id"
        ).fetchone()
    assert row is not None
    assert row["venue_id"] == len(VENUES) + 1


def test_past_events_are_what_template_matching_gets(platform_db: Database, seed: Seed) -> None:
    seed()
    with platform_db.connect("ops_provisioner") as conn:
        past = conn.execute("SELECT * FROM platform_ops.past_events(10)").fetchall()

    assert len(past) == 10
    assert past == sorted(past, key=lambda event: event["starts_at"], reverse=True)
    assert {event["outcome"] for event in past} <= {"completed", "cancelled"}
    assert all(isinstance(event["event_id"], str) and event["access_policy"]["entry_method"] for event in past)


def test_what_is_installed_stays(platform_db: Database, seed: Seed) -> None:
    seed()
    before = value(platform_db, DIGEST)

    install(platform_db.dsn(), api_password=ROLE_PASSWORD)

    assert value(platform_db, DIGEST) == before


def test_the_api_cannot_read_past_the_tables_that_it_keeps(platform_db: Database) -> None:
    assert value(platform_db, "SELECT count(*) FROM platform_api.endpoints", user="platform_api") == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        value(platform_db, "SELECT count(*) FROM public.participants", user="platform_api")


def test_a_server_that_is_away_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["seed", "--dsn", "postgresql://nobody@127.0.0.1:1/platform"]) == 2
    assert capsys.readouterr().err.startswith("error: ")
