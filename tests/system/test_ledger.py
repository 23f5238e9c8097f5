"""The ledger's check on the running stack: somebody tampers with it, and everybody who must hears of it at once."""

from __future__ import annotations

import httpx

from tests.support.waiting import wait_until
from tests.system.house import House
from tests.system.test_decommission import mail_to_operators, trigger, wait_for_run

DAG_ID = "ledger_verification"
ENTRY = "UPDATE ops.ledger SET reason = reason || %s WHERE entry_id = 1"
MEND = "UPDATE ops.ledger SET reason = left(reason, -1) WHERE entry_id = 1"


def test_a_tampered_ledger_is_told_and_alerts(house: House) -> None:
    house.ended(house.submit(house.request(label="entered")))
    assert wait_for_run(house, DAG_ID, trigger(house, DAG_ID)) == "success"
    with house.database("ops") as ops:
        ops.execute("SET session_replication_role = replica")
        ops.execute(ENTRY, ("!",))
        try:
            assert wait_for_run(house, DAG_ID, trigger(house, DAG_ID)) == "failed"
            assert "entry 1 was changed" in mail_to_operators(house)
            assert "entry 1 was changed" in house.sandbox_journal("slack")
            assert wait_for_run(house, "ledger_anchor", trigger(house, "ledger_anchor")) == "failed"
            wait_until(lambda: alert(house) == "firing", seconds=90, every=1, what="the alert")
        finally:
            ops.execute(MEND)
    assert wait_for_run(house, DAG_ID, trigger(house, DAG_ID)) == "success"
    wait_until(lambda: alert(house) is None, seconds=90, every=1, what="the end of the alert")


def alert(house: House) -> str | None:
    """Return the state of the alert in Prometheus."""
    alerts = httpx.get(f"{house.prometheus}/api/v1/alerts", timeout=10).json()["data"]["alerts"]
    return next((one["state"] for one in alerts if one["labels"]["alertname"] == "LedgerTampered"), None)
