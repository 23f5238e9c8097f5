"""Close a request that Airflow refuses: nobody will ever start it."""

from __future__ import annotations

from include.engine.database import APPLICATION_NAME
from include.store import events as store
from include.store.connection import connect

ACTOR = "engine"
STEP = "intake"
# Airflow's message quotes the whole schema; what is wrong stands at its beginning.
LONGEST_MESSAGE = 2000


def close_refused(conninfo: str, *, request_id: str, attempt: int, message: str) -> bool:
    """Mark the request `invalid` with Airflow's message; False when it no longer waits in this attempt."""
    error = {"step": STEP, "type": "RunRefused", "message": message[:LONGEST_MESSAGE]}
    with connect(conninfo, application_name=APPLICATION_NAME) as conn:
        if not store.close_refused(conn, request_id, attempt, error):
            return False
        store.record(
            conn,
            actor=ACTOR,
            action="event.invalid",
            request_id=request_id,
            reason="Airflow refused the request",
            before={"status": "received", "attempt": attempt},
            after={"status": "invalid", "error": error},
        )
    return True
