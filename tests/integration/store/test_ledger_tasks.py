"""The tasks around the ledger, against a real database: what they do once somebody has tampered with it."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.settings import get_settings
from include.store.__main__ import main
from include.store.errors import AnchorError, LedgerNotTrusted
from platform_ops import ledger
from platform_ops.dag_defaults import tell_of_failed_run
from sandbox.testing import SandboxServer
from tests.support.databases import Database

OPERATORS = "platform-ops@example.com"


class Pushed:
    """What a task leaves for the next ones."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def xcom_push(self, *, key: str, value: Any) -> None:
        self.values[key] = value

    def xcom_pull(self, *, task_ids: str, key: str) -> Any:
        assert task_ids == ledger.VERIFY_TASK
        return self.values.get(key)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def context() -> Any:
    return {"ti": Pushed(), "run_id": "scheduled__1", "dag": SimpleNamespace(dag_id="event_purge"), "reason": "failed"}


@pytest.fixture
def anchors(
    ops_db: Database, sandbox: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """An environment as a worker has it, three entries, and the folder of the anchors with one in it."""
    sandbox.reset()
    connections: dict[str, Any] = {
        "OPS_DB": ops_db.airflow_uri("ops_tasks"),
        "SLACK_DEFAULT": json.dumps(
            {
                "conn_type": "slackwebhook",
                "host": f"{sandbox.url}/slack/services",
                "password": sandbox.credentials.slack_webhook,
            }
        ),
        "SMTP_DEFAULT": json.dumps(
            {
                "conn_type": "smtp",
                "host": "127.0.0.1",
                "port": sandbox.smtp_port,
                "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "Ops <ops@platform-ops.example>"},
            }
        ),
    }
    for name, value in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", value)
    monkeypatch.setenv("PLATFORM_OPS_LEDGER_ANCHOR_URL", str(tmp_path / "anchors"))
    get_settings.cache_clear()
    with ops_db.connect("ops_tasks") as conn:
        for number in range(3):
            conn.execute(
                "SELECT ops.append_ledger_entry('user:a', 'test', %s, 'why', NULL, NULL)", (f"event:{number}",)
            )
    ledger.publish_head()
    yield tmp_path / "anchors"
    get_settings.cache_clear()


def tamper(ops_db: Database) -> None:
    with ops_db.connect() as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("UPDATE ops.ledger SET reason = 'another' WHERE entry_id = 2")


def mend(ops_db: Database) -> None:
    with ops_db.connect() as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("UPDATE ops.ledger SET reason = 'why' WHERE entry_id = 2")


def actions(ops_db: Database) -> list[str]:
    with ops_db.connect() as conn:
        return [row["action"] for row in conn.execute("SELECT action FROM ops.ledger ORDER BY entry_id")]


def test_a_good_check_is_entered_and_anchored(ops_db: Database, anchors: Path, context: Any) -> None:
    report = ledger.verify_chain(context)
    assert report["entries"] == 3
    assert actions(ops_db)[-1] == "ledger.verified"
    assert ledger.publish_head()["entry_id"] == 4
    assert ledger.verify_chain(context)["anchored_up_to"] == 4


def test_a_tampered_ledger_is_told_at_once_and_anchored_no_more(
    ops_db: Database, anchors: Path, context: Any, sandbox: SandboxServer
) -> None:
    tamper(ops_db)
    with pytest.raises(ledger.LedgerTampered, match="entry 2 was changed"):
        ledger.verify_chain(context)
    assert actions(ops_db)[-1] == "ledger.tampered"

    ledger.tell_operators(context)
    (mail,) = sandbox.mails(to=OPERATORS)
    assert mail["subject"] == "[P1] The ledger was tampered with"
    assert "entry 2 was changed" in str(sandbox.journal("slack"))

    before = sorted(anchors.iterdir())
    with pytest.raises(LedgerNotTrusted, match="entry 2 was changed"):
        ledger.publish_head()
    assert main(["publish-anchor", "--dsn", ops_db.dsn("ops_auditor"), "--anchors", str(anchors)]) == 2
    assert sorted(anchors.iterdir()) == before

    mend(ops_db)
    ledger.verify_chain(context)
    assert ledger.publish_head()["entry_id"] == 5


def test_an_anchor_that_was_changed_or_taken_away_is_tampering_too(
    ops_db: Database, anchors: Path, context: Any
) -> None:
    (anchor,) = anchors.iterdir()
    text = anchor.read_text()
    anchor.unlink()
    with pytest.raises(ledger.LedgerTampered, match="1 published anchors are gone"):
        ledger.verify_chain(context)
    anchor.write_text(text.replace('"entry_id": 3', '"entry_id": 2'))
    with pytest.raises(ledger.LedgerTampered, match="renamed or changed"):
        ledger.verify_chain(context)
    assert actions(ops_db)[-2:] == ["ledger.tampered", "ledger.tampered"]


def test_anchors_that_cannot_be_read_are_no_proof_of_anything(
    ops_db: Database, anchors: Path, context: Any, sandbox: SandboxServer
) -> None:
    (anchors / f"{9:020d}-{'0' * 16}.json").mkdir()
    with pytest.raises(AnchorError, match="cannot be read"):
        ledger.verify_chain(context)
    assert "ledger.tampered" not in actions(ops_db)
    ledger.tell_operators(context)
    assert [mail["subject"] for mail in sandbox.mails(to=OPERATORS)] == ["The ledger could not be checked"]


def test_a_failed_run_is_told_by_both_channels(anchors: Path, context: Any, sandbox: SandboxServer) -> None:
    tell_of_failed_run(context)
    assert [mail["subject"] for mail in sandbox.mails(to=OPERATORS)] == ["event_purge failed"]
    assert "scheduled__1" in str(sandbox.journal("slack"))


def test_one_channel_that_fails_does_not_hide_the_other(anchors: Path, context: Any, sandbox: SandboxServer) -> None:
    sandbox.faults("slack", status=500)
    tell_of_failed_run(context)
    sandbox.clear_faults()
    assert [mail["subject"] for mail in sandbox.mails(to=OPERATORS)] == ["event_purge failed"]


def test_a_failed_run_that_nobody_can_be_told_of_is_only_logged(
    anchors: Path, context: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SMTP_DEFAULT")
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", '{"conn_type": "slackwebhook", "host": "http://127.0.0.1:1"}')
    tell_of_failed_run(context)
    assert "nobody was told" in caplog.text
