"""The ledger on a real PostgreSQL: appending, the rights around it, and every kind of tampering found and named."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from include.store import ledger
from include.store.__main__ import main
from include.store.anchors import load_anchors
from include.store.ledger import FaultKind, LedgerHead
from include.store.ledger_hash import GENESIS_HASH, LedgerEntry, entry_hash
from tests.support.databases import Database

WRITERS = 20
ENTRIES_PER_WRITER = 5
# What a superuser does who wants no trigger in the way.
UNGUARDED = "SET session_replication_role = replica"


def append(conn: psycopg.Connection[DictRow], target: str = "event_request:r-1", **values: Any) -> LedgerHead:
    """Append an entry with unimportant values."""
    given = {"actor": "user:operator1", "action": "event.plan", "reason": "test", "after": {"n": 1}} | values
    return ledger.append(conn, target=target, **given)


def fill(database: Database, entries: int) -> None:
    """Commit a chain of some length."""
    with database.connect("ops_tasks") as conn:
        for number in range(1, entries + 1):
            append(conn, target=f"event_request:r-{number}", before={"n": number - 1}, after={"n": number})


def verify(database: Database, url: str | None = None) -> ledger.VerificationReport:
    """Verify as the auditor does."""
    anchors = load_anchors(url) if url else ()
    with database.connect("ops_auditor") as conn:
        return ledger.verify(conn, anchors)


def publish(database: Database, url: str) -> None:
    """Publish an anchor as the auditor."""
    with database.connect("ops_auditor") as conn:
        ledger.publish_anchor(conn, url)


def rechain(conn: psycopg.Connection[DictRow]) -> None:
    """Give every entry the number and the hashes that a verifier without anchors expects."""
    prev_hash = GENESIS_HASH
    conn.execute("CREATE TEMPORARY TABLE forged ON COMMIT DROP AS SELECT * FROM ops.ledger")
    conn.execute("DELETE FROM ops.ledger")
    rows = conn.execute("SELECT *, before::text AS b, after::text AS a FROM forged ORDER BY entry_id").fetchall()
    for entry_id, row in enumerate(rows, start=1):
        entry = LedgerEntry(
            prev_hash=prev_hash,
            entry_id=entry_id,
            at_microseconds=round(row["at"].timestamp() * 1_000_000),
            **{name: row[name] for name in ("actor", "action", "target", "reason", "recorded_by")},
            before=row["b"],
            after=row["a"],
        )
        conn.execute(
            "INSERT INTO ops.ledger SELECT %(id)s, at, actor, action, target, reason, before, after, recorded_by,"
            " %(prev)s, %(hash)s FROM forged WHERE entry_id = %(old)s",
            {"id": entry_id, "prev": prev_hash, "hash": entry_hash(entry), "old": row["entry_id"]},
        )
        prev_hash = entry_hash(entry)


def test_entries_are_numbered_chained_and_dated_by_the_database(ops_db: Database) -> None:
    with ops_db.connect("ops_tasks") as conn:
        first, second = append(conn), append(conn)

    with ops_db.connect("ops_auditor") as conn:
        rows = conn.execute("SELECT * FROM ops.ledger ORDER BY entry_id").fetchall()
    assert [row["entry_id"] for row in rows] == [1, 2]
    assert [row["prev_hash"] for row in rows] == [GENESIS_HASH, first.entry_hash]
    assert rows[1]["entry_hash"] == second.entry_hash
    assert first.at is not None
    assert first.at <= rows[1]["at"]
    assert {row["recorded_by"] for row in rows} == {"ops_tasks"}
    assert verify(ops_db).intact


def test_an_entry_of_a_transaction_that_failed_leaves_no_gap(ops_db: Database) -> None:
    with ops_db.connect("ops_tasks") as conn:
        append(conn)
        conn.commit()
        append(conn)
        conn.rollback()
        assert append(conn).entry_id == 2


def test_twenty_writers_at_once_make_one_chain(ops_db: Database) -> None:
    def write(number: int) -> None:
        with ops_db.connect("ops_tasks", autocommit=True) as conn:
            for _ in range(ENTRIES_PER_WRITER):
                append(conn, target=f"writer:{number}")

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))

    report = verify(ops_db)
    assert (report.fault, report.entries) == (None, WRITERS * ENTRIES_PER_WRITER)


def test_an_old_snapshot_is_refused(ops_db: Database) -> None:
    with ops_db.connect("ops_tasks") as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.errors.InvalidTransactionState, match="read committed"):
            append(conn)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30),
    json=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.just("값"),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["b", "aa", "가"]), inner),
        max_leaves=6,
    ),
)
def test_sql_and_python_agree_on_every_hash(ops_db: Database, text: str, json: object) -> None:
    with ops_db.connect("ops_tasks") as conn:
        append(conn, target=text, reason=text, before=[json], after=None)

    assert verify(ops_db).fault is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ops.ledger SET reason = 'nothing happened'",
        "DELETE FROM ops.ledger",
        "TRUNCATE ops.ledger",
        "INSERT INTO ops.ledger SELECT * FROM ops.ledger",
        "UPDATE ops.ledger_anchors SET head_entry_id = 0",
        "DELETE FROM ops.ledger_anchors",
        "ALTER TABLE ops.ledger DISABLE TRIGGER ALL",
        "DROP TABLE ops.ledger",
    ],
)
@pytest.mark.parametrize("role", ["ops_tasks", "ops_console", "ops_engine", "ops_auditor"])
def test_no_process_can_do_more_than_append(ops_db: Database, role: str, statement: str) -> None:
    fill(ops_db, 1)
    with ops_db.connect(role) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement)


@pytest.mark.parametrize(
    "statement", ["UPDATE ops.ledger SET reason = ''", "DELETE FROM ops.ledger", "TRUNCATE ops.ledger"]
)
@pytest.mark.parametrize("role", ["ops_migrator", "postgres"])
def test_the_trigger_stops_even_the_owner_who_gives_himself_the_right(
    ops_db: Database, role: str, statement: str
) -> None:
    fill(ops_db, 1)
    with ops_db.connect(role) as conn:
        conn.execute("GRANT ALL ON ops.ledger TO ops_owner")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="insert only"):
            conn.execute(statement)


def test_the_auditor_cannot_append(ops_db: Database) -> None:
    with ops_db.connect("ops_auditor") as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        append(conn)


def test_a_caller_cannot_put_its_own_functions_under_the_ledger(ops_db: Database) -> None:
    """`append_ledger_entry` runs as the owner: it finds the real table wherever the caller looks first."""
    with ops_db.connect("ops_migrator") as conn:
        conn.execute("CREATE TEMPORARY TABLE ledger (LIKE ops.ledger)")
        conn.execute("SET search_path = pg_temp, ops, public")
        append(conn)

    assert verify(ops_db).entries == 1


CHANGES = {
    "one letter of a text": "UPDATE ops.ledger SET reason = 'Test' WHERE entry_id = 4",
    "a number in the JSON": """UPDATE ops.ledger SET after = '{"n": 40}' WHERE entry_id = 4""",
    "the instant, by a microsecond": "UPDATE ops.ledger SET at = at + interval '1 microsecond' WHERE entry_id = 4",
    "the instant, to one that no clock has": "UPDATE ops.ledger SET at = 'infinity' WHERE entry_id = 4",
    "NULL for something": "UPDATE ops.ledger SET before = NULL WHERE entry_id = 4",
    "a byte of the hash": "UPDATE ops.ledger SET entry_hash = set_byte(entry_hash, 0, 0) WHERE entry_id = 4",
    "a byte of the link": "UPDATE ops.ledger SET prev_hash = set_byte(prev_hash, 0, 0) WHERE entry_id = 4",
    "who wrote it": "UPDATE ops.ledger SET recorded_by = 'ops_engine' WHERE entry_id = 4",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_entry_is_named(ops_db: Database, change: str) -> None:
    fill(ops_db, 9)
    with ops_db.connect() as conn:
        conn.execute(UNGUARDED)
        conn.execute(CHANGES[change])  # type: ignore[call-overload]

    fault = verify(ops_db).fault

    assert fault is not None
    assert (fault.entry_id, fault.kind) == (4, FaultKind.CHANGED)


def test_an_entry_changed_together_with_its_hash_is_named(ops_db: Database) -> None:
    fill(ops_db, 9)
    with ops_db.connect() as conn:
        conn.execute(UNGUARDED)
        conn.execute("UPDATE ops.ledger SET reason = 'forged' WHERE entry_id = 4")
        conn.execute("UPDATE ops.ledger AS l SET entry_hash = ops.ledger_entry_hash(l) WHERE entry_id = 4")

    fault = verify(ops_db).fault

    assert fault is not None
    assert (fault.entry_id, fault.kind) == (4, FaultKind.REPLACED)


def test_a_removed_entry_is_named(ops_db: Database) -> None:
    fill(ops_db, 9)
    with ops_db.connect() as conn:
        conn.execute(UNGUARDED)
        conn.execute("DELETE FROM ops.ledger WHERE entry_id = 4")

    fault = verify(ops_db).fault

    assert fault is not None
    assert (fault.entry_id, fault.kind) == (4, FaultKind.REMOVED)


def test_an_inserted_entry_is_found(ops_db: Database) -> None:
    fill(ops_db, 9)
    with ops_db.connect() as conn:
        conn.execute(UNGUARDED)
        conn.execute("UPDATE ops.ledger SET entry_id = entry_id + 100 WHERE entry_id >= 4")
        conn.execute("UPDATE ops.ledger SET entry_id = entry_id - 99 WHERE entry_id >= 100")
        conn.execute(
            "INSERT INTO ops.ledger SELECT 4, at, actor, action, target, 'inserted', before, after, recorded_by,"
            " entry_hash, sha256('x') FROM ops.ledger WHERE entry_id = 3"
        )
        conn.execute("UPDATE ops.ledger AS l SET entry_hash = ops.ledger_entry_hash(l) WHERE entry_id = 4")

    fault = verify(ops_db).fault

    assert fault is not None
    # The inserted entry fits behind its predecessor; the one it pushed aside no longer does.
    assert (fault.entry_id, fault.kind) == (5, FaultKind.CHANGED)


def test_a_removed_entry_is_found_also_when_the_others_are_renumbered(ops_db: Database) -> None:
    fill(ops_db, 9)
    with ops_db.connect() as conn:
        conn.execute(UNGUARDED)
        conn.execute("DELETE FROM ops.ledger WHERE entry_id = 4")
        for entry_id in range(5, 10):
            conn.execute("UPDATE ops.ledger SET entry_id = entry_id - 1 WHERE entry_id = %s", (entry_id,))

    fault = verify(ops_db).fault

    assert fault is not None
    assert (fault.entry_id, fault.kind) == (4, FaultKind.CHANGED)


def test_a_cut_tail_is_found_by_the_anchor(ops_db: Database, tmp_path: Path) -> None:
    fill(ops_db, 9)
    publish(ops_db, str(tmp_path))
    with ops_db.connect() as conn:
        conn.execute(UNGUARDED)
        conn.execute("DELETE FROM ops.ledger WHERE entry_id > 6")

    assert verify(ops_db).intact, "without anchors a cut tail looks like an earlier day"
    fault = verify(ops_db, str(tmp_path)).fault
    assert fault is not None
    assert (fault.entry_id, fault.kind) == (7, FaultKind.CUT_OFF)


def test_an_emptied_ledger_is_found_by_the_anchor(ops_db: Database, tmp_path: Path) -> None:
    fill(ops_db, 2)
    publish(ops_db, str(tmp_path))
    with ops_db.connect() as conn:
        conn.execute(UNGUARDED)
        conn.execute("DELETE FROM ops.ledger")

    fault = verify(ops_db, str(tmp_path)).fault

    assert fault is not None
    assert (fault.entry_id, fault.kind) == (1, FaultKind.CUT_OFF)


def test_a_rewritten_chain_is_found_by_the_anchors(ops_db: Database, tmp_path: Path) -> None:
    fill(ops_db, 5)
    publish(ops_db, str(tmp_path))
    fill(ops_db, 5)
    publish(ops_db, str(tmp_path))
    fill(ops_db, 5)
    with ops_db.connect() as conn:
        conn.execute(UNGUARDED)
        conn.execute("UPDATE ops.ledger SET actor = 'user:nobody' WHERE entry_id = 7")
        rechain(conn)

    assert verify(ops_db).intact, "the forged chain is sound in itself"
    fault = verify(ops_db, str(tmp_path)).fault
    assert fault is not None
    assert (fault.entry_id, fault.kind) == (6, FaultKind.REWRITTEN)
    assert "between entry 6 and entry 10" in fault.message


def test_a_rewritten_chain_stays_found_after_an_anchor_of_its_own(ops_db: Database, tmp_path: Path) -> None:
    fill(ops_db, 5)
    publish(ops_db, str(tmp_path))
    with ops_db.connect() as conn:
        conn.execute(UNGUARDED)
        conn.execute("UPDATE ops.ledger SET actor = 'user:nobody' WHERE entry_id = 1")
        rechain(conn)
    publish(ops_db, str(tmp_path))

    fault = verify(ops_db, str(tmp_path)).fault

    assert fault is not None
    assert (fault.entry_id, fault.kind) == (1, FaultKind.REWRITTEN)


def test_an_intact_ledger_says_how_far_the_anchors_vouch(ops_db: Database, tmp_path: Path) -> None:
    publish(ops_db, str(tmp_path))
    fill(ops_db, 3)
    publish(ops_db, str(tmp_path))
    fill(ops_db, 2)

    report = verify(ops_db, str(tmp_path))

    assert (report.fault, report.entries, report.anchors, report.anchored_up_to) == (None, 5, 2, 3)


def test_a_chain_longer_than_one_fetch_is_read_to_its_end(ops_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "ROWS_PER_FETCH", 3)
    fill(ops_db, 10)

    assert verify(ops_db).entries == 10


def test_the_command_fails_and_names_the_entry(
    ops_db: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dsn, url = ops_db.dsn("ops_auditor"), str(tmp_path / "anchors")
    fill(ops_db, 4)

    assert main(["publish-anchor", "--dsn", dsn, "--anchors", url]) == 0
    assert main(["verify-ledger", "--dsn", dsn, "--anchors", url]) == 0

    with ops_db.connect() as conn:
        conn.execute(UNGUARDED)
        conn.execute("UPDATE ops.ledger SET after = %s WHERE entry_id = 3", (Jsonb({"n": 4}),))
    assert main(["verify-ledger", "--dsn", dsn, "--anchors", url]) == 1
    assert "first bad entry: 3" in capsys.readouterr().out


def test_an_anchor_that_is_gone_is_missed(ops_db: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dsn, url = ops_db.dsn("ops_auditor"), str(tmp_path / "anchors")
    fill(ops_db, 1)
    publish(ops_db, url)
    for path in Path(url).iterdir():
        path.unlink()

    assert main(["verify-ledger", "--dsn", dsn, "--anchors", url]) == 1
    assert "MISSING ANCHOR" in capsys.readouterr().out
