"""API keys: well-formed, kept as a hash, useless once revoked, and in the ledger."""

import pytest

from include.store import api_keys
from include.store.__main__ import main
from tests.support.databases import Database


def test_only_well_formed_keys_have_an_id() -> None:
    assert api_keys.key_id_of("pok_0123456789_" + "A" * 43) == "0123456789"
    for wrong in ("", "pok_", "pok_0123456789_short", "pok_0123456789_" + "A" * 44, "pok_０123456789_" + "A" * 43):
        assert api_keys.key_id_of(wrong) is None


def issue(ops_db: Database, customer: str = "acme") -> api_keys.IssuedKey:
    with ops_db.connect("ops_migrator") as conn:
        return api_keys.issue(
            conn, customer_id=customer, name="Acme", email="Events@Acme.example", note="web shop", actor="os:tester"
        )


def find(ops_db: Database, key: str) -> api_keys.KeyHolder | None:
    with ops_db.connect("ops_console") as conn:
        return api_keys.find(conn, key)


def test_a_key_is_found_by_the_console_and_its_use_is_noted(ops_db: Database) -> None:
    issued = issue(ops_db)

    assert find(ops_db, issued.key) == api_keys.KeyHolder(key_id=issued.key_id, customer_id="acme")

    with ops_db.connect("ops_console") as conn:
        (record,) = api_keys.list_keys(conn)
    assert record.last_used_at is not None


def test_the_database_never_sees_the_key(ops_db: Database) -> None:
    issued = issue(ops_db)

    with ops_db.connect() as conn:
        row = conn.execute("SELECT (k.*)::text || (c.*)::text AS text FROM ops.api_keys k, ops.customers c").fetchone()
        ledger = conn.execute("SELECT string_agg((l.*)::text, ' ') AS text FROM ops.ledger l").fetchone()
    assert row is not None
    assert ledger is not None
    assert issued.key not in row["text"] + ledger["text"]
    assert issued.key not in repr(issued)


def test_a_revoked_key_is_no_key(ops_db: Database) -> None:
    issued = issue(ops_db)
    with ops_db.connect("ops_migrator") as conn:
        api_keys.revoke(conn, issued.key_id, actor="os:tester")
        with pytest.raises(api_keys.UnknownKey):
            api_keys.revoke(conn, issued.key_id, actor="os:tester")

    assert find(ops_db, issued.key) is None


def test_issue_and_revoke_are_in_the_ledger(ops_db: Database) -> None:
    issued = issue(ops_db)
    with ops_db.connect("ops_migrator") as conn:
        api_keys.revoke(conn, issued.key_id, actor="os:tester")
        rows = conn.execute("SELECT actor, action, target FROM ops.ledger ORDER BY entry_id").fetchall()

    assert [tuple(row.values()) for row in rows] == [
        ("os:tester", "api_key.issue", f"api_key:{issued.key_id}"),
        ("os:tester", "api_key.revoke", f"api_key:{issued.key_id}"),
    ]


def test_the_console_can_issue_nothing(ops_db: Database) -> None:
    with ops_db.connect("ops_console") as conn, pytest.raises(Exception, match="permission denied"):
        api_keys.issue(conn, customer_id="acme", name="Acme", email="a@example.com", note="", actor="x")


def test_commands_issue_list_and_revoke(ops_db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    dsn = ["--dsn", ops_db.dsn("ops_migrator")]

    assert main(["issue-api-key", *dsn, "--customer", "acme", "--name", "Acme", "--email", "a@acme.example"]) == 0
    key = capsys.readouterr().out.strip()
    key_id = api_keys.key_id_of(key)
    assert key_id is not None
    assert find(ops_db, key) is not None

    assert main(["list-api-keys", *dsn]) == 0
    listed = capsys.readouterr().out
    assert key_id in listed
    assert key not in listed

    assert main(["revoke-api-key", *dsn, key_id]) == 0
    assert main(["revoke-api-key", *dsn, key_id]) == 2
    assert "no live key" in capsys.readouterr().err


def test_a_customer_id_that_is_no_id_is_refused(ops_db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["issue-api-key", "--dsn", ops_db.dsn("ops_migrator"), "--customer", "Acme Inc", "--name", "A"]

    assert main([*arguments, "--email", "a@acme.example"]) == 2
    assert "customer" in capsys.readouterr().err
