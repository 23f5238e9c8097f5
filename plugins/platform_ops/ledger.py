"""The tasks around the ledger: publish its head, check the whole chain, mail the head out of the house."""

from __future__ import annotations

from datetime import date
from email.message import EmailMessage
from typing import Any

from include.settings import get_settings
from include.store import ledger
from include.store.anchors import load_anchors
from platform_ops.hooks.email import send_email, sender_address
from platform_ops.hooks.postgres import database


class LedgerTampered(Exception):
    """The ledger contradicts itself or an anchor: treat it as a security incident."""


def publish_head() -> dict[str, Any]:
    """Publish the ledger's head at the configured place; the same head is published once. Raises AnchorError."""
    url = get_settings().ledger_anchor_url
    with database() as ops:
        anchor = ledger.publish_anchor(ops, url)
    return {"entry_id": anchor.entry_id, "entry_hash": anchor.entry_hash.hex(), "where_to": f"{url}/{anchor.name}"}


def verify_chain() -> dict[str, Any]:
    """Check the whole chain against all anchors. Raises LedgerTampered naming the first bad entry or missing anchor."""
    url = get_settings().ledger_anchor_url
    anchors = load_anchors(url)
    with database() as ops:
        report = ledger.verify(ops, anchors)
        missing = ledger.missing_anchors(ops, url, anchors)
    if not report.intact:
        raise LedgerTampered(f"{report.fault}")
    if missing:
        raise LedgerTampered(f"{len(missing)} published anchors are gone, the first is {missing[0]}")
    return {"entries": report.entries, "anchors": report.anchors, "anchored_up_to": report.anchored_up_to}


def mail_head(head: dict[str, Any], report: dict[str, Any], *, day: date) -> None:
    """Mail the head to the operators: a copy in mailboxes that no database administrator can change.

    The Message-ID is the same for the same day and head, so that a repeated send is recognised as one.
    """
    sender = sender_address()
    message = EmailMessage()
    message["From"] = sender
    message["To"] = get_settings().operators_email
    message["Subject"] = f"[ledger] {day:%Y-%m-%d}: entry {head['entry_id']} {head['entry_hash'][:16]}"
    message["Message-ID"] = f"<ledger-{day:%Y%m%d}-{head['entry_id']}-{head['entry_hash'][:16]}@platform-ops>"
    message.set_content(
        f"Head of the ledger: entry {head['entry_id']}\nsha256: {head['entry_hash']}\nanchor: {head['where_to']}\n"
        f"Checked: {report['entries']} entries against {report['anchors']} anchors, intact.\n\n"
        "Keep this mail: it proves that nothing up to this entry was changed afterwards.\n"
        "Check: python -m include.store verify-ledger\n"
    )
    send_email(message)
