"""Each message once, however often the task that sends it is tried, and whoever else is at it.

What no guard can know is whether a message went out whose sender was killed or cut off while it sent. Such a one is
looked up where the provider can be asked (SMS), and repeated where it cannot: mail with the same Message-ID.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from include.store import event_work
from include.store.events import Connection, describe_error
from include.store.locks import session_lock

log = logging.getLogger(__name__)

# A mail server may take its time over each of its answers; longer than this, the sender hangs.
SENDER_WAIT_SECONDS = 60.0


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

    The message is locked while it is being sent, so that another caller waits and then finds it sent. A row "sending"
    that is found under the lock means that somebody died in between: `find` then asks the provider, given the time of
    the first try, for the id of a message that did go out. Without `find` it is sent again: twice is better than never.
    `conn` must be in autocommit mode, so that "sending" is on record before anything is sent.
    Raises what `send` and `find` raise, and psycopg.errors.LockNotAvailable when another caller hangs.
    """
    with session_lock(conn, f"ops_message:{request_id}:{key}", wait_seconds=SENDER_WAIT_SECONDS):
        return _once(conn, request_id=request_id, key=key, send=send, find=find, reference=reference)


def _once(
    conn: Connection,
    *,
    request_id: str,
    key: str,
    send: Callable[[], object],
    find: Callable[[datetime], str | None] | None,
    reference: str,
) -> bool:
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
