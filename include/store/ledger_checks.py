"""What the checks of the ledger found, entered in the ledger itself: nobody can take a finding out of it unseen."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.store import ledger
from include.store.errors import LedgerNotTrusted

ACTOR = "platform-ops"
TARGET = "ledger"
# The engine's metrics and an index of the database build on these two names.
VERIFIED = "ledger.verified"
TAMPERED = "ledger.tampered"

_LAST_CHECK = """
SELECT entry_id, at, action, reason FROM ops.ledger
 WHERE action IN ('ledger.verified', 'ledger.tampered') ORDER BY entry_id DESC LIMIT 1
"""


def record_verified(conn: psycopg.Connection[Any], report: ledger.VerificationReport) -> None:
    """Enter that the whole chain was found intact."""
    ledger.append(
        conn,
        actor=ACTOR,
        action=VERIFIED,
        target=TARGET,
        reason="the whole chain agrees with itself and with every anchor",
        after={"entries": report.entries, "anchors": report.anchors, "anchored_up_to": report.anchored_up_to},
    )


def record_tampered(conn: psycopg.Connection[Any], finding: str) -> None:
    """Enter what is wrong. No head is published from now on, until a check finds the chain intact."""
    ledger.append(conn, actor=ACTOR, action=TAMPERED, target=TARGET, reason=finding)


def require_trusted(conn: psycopg.Connection[Any]) -> None:
    """Raise LedgerNotTrusted when the last check found the chain tampered with: an anchor would vouch for that."""
    with conn.cursor(row_factory=dict_row) as cursor:
        last = cursor.execute(_LAST_CHECK).fetchone()
    if last is not None and last["action"] == TAMPERED:
        raise LedgerNotTrusted(f"the check of {last['at'].isoformat()} (entry {last['entry_id']}): {last['reason']}")
