"""Each message once, however often the task that sends it is tried."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from include.store import event_work
from include.store.events import Connection, describe_error

log = logging.getLogger(__name__)


def once(
    conn: Connection,
    *,
    request_id: str,
    key: str,
    send: Callable[[], object],
    find: Callable[[datetime], str | None] | None = None,
    reference: str = "",
) -> bool:
    """Send a message unless it was sent before; return whether it was sent now.

    A row "sending" that is found means that somebody died in between: `find` then asks the provider, given the time of
    the first try, for the id of a message that did go out. Without `find` it is sent again: twice is better than never.
    `conn` must be in autocommit mode, so that "sending" is on record before anything is sent.
    """
    with conn.transaction():
        row = event_work.claim_effect(conn, request_id, key, reference)
    if row["state"] == "sent":
        return False
    if row["state"] == "sending" and not row["is_new"] and find is not None:
        known = find(row["at"])
        if known is not None:
            log.info("Message %s of %s had gone out as %s", key, request_id, known)
            _finish(conn, request_id, key, state="sent", reference=known)
            return False
    try:
        sent = send()
    except Exception as error:
        # Refused or not, is for the caller; noted here so that the next try sends again.
        if find is None:
            with conn.transaction():
                event_work.finish_effect(
                    conn, request_id, key, state="failed", reference=reference, detail=describe_error(error)
                )
        raise
    _finish(conn, request_id, key, state="sent", reference=sent if isinstance(sent, str) else reference)
    return True


def _finish(conn: Connection, request_id: str, key: str, *, state: str, reference: str) -> None:
    with conn.transaction():
        event_work.finish_effect(conn, request_id, key, state=state, reference=reference)
