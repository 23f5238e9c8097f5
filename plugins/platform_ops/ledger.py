"""The tasks around the ledger: publish its head, check the whole chain, mail the head out of the house."""

from __future__ import annotations

from datetime import date
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from include.settings import get_settings
from include.store import ledger, ledger_checks
from include.store.anchors import load_anchors
from include.store.errors import AnchorConflict
from platform_ops.hooks.email import send_email, sender_address
from platform_ops.hooks.postgres import database

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import Context

    from include.store.anchors import Anchor

VERIFY_TASK = "verify_chain"
FINDING_KEY = "finding"


class LedgerTampered(Exception):
    """The ledger contradicts itself or an anchor: treat it as a security incident."""


def publish_head() -> dict[str, Any]:
    """Publish the ledger's head at the configured place; the same head is published once.

    Raises LedgerNotTrusted when the last check found the ledger tampered with, AnchorError.
    """
    url = get_settings().ledger_anchor_url
    with database() as ops:
        ledger_checks.require_trusted(ops)
        anchor = ledger.publish_anchor(ops, url)
    return {"entry_id": anchor.entry_id, "entry_hash": anchor.entry_hash.hex(), "where_to": f"{url}/{anchor.name}"}


def verify_chain(context: Context) -> dict[str, Any]:
    """Check the whole chain against all anchors and enter the outcome.

    Raises LedgerTampered naming the first bad entry, the missing anchor or the one that was changed; AnchorError when
    the anchors cannot be read.
    """
    url = get_settings().ledger_anchor_url
    with database() as ops:
        try:
            anchors = load_anchors(url)
        except AnchorConflict as error:
            raise _tampered(context, ops, str(error)) from error
        report = ledger.verify(ops, anchors)
        if finding := _finding(ops, report, url, anchors):
            raise _tampered(context, ops, finding)
        ledger_checks.record_verified(ops, report)
    return {"entries": report.entries, "anchors": report.anchors, "anchored_up_to": report.anchored_up_to}


def tell_operators(context: Context) -> None:
    """Tell the operators at once, by mail and in their channel, that the check failed and what it found.

    Raises NobodyReached when no channel took it.
    """
    from platform_ops.notifications.failures import Notice, send

    finding = context["ti"].xcom_pull(task_ids=VERIFY_TASK, key=FINDING_KEY)
    if finding:
        subject = "[P1] The ledger was tampered with"
        text = f"{finding}\n\nTreat this as a security incident: docs/runbooks/LedgerTampered.md"
    else:
        subject = "The ledger could not be checked"
        text = f"The log of {VERIFY_TASK} says why: docs/runbooks/LedgerNotVerified.md"
    send(context, Notice(subject=subject, text=text, key=f"ledger:{context['run_id']}"))


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


def _finding(ops: Any, report: ledger.VerificationReport, url: str, anchors: Iterable[Anchor]) -> str | None:
    """Return what is wrong in words, None when nothing is."""
    if report.fault is not None:
        return report.fault.message
    missing = ledger.missing_anchors(ops, url, anchors)
    return f"{len(missing)} published anchors are gone, the first is {missing[0]}" if missing else None


def _tampered(context: Context, ops: Any, finding: str) -> LedgerTampered:
    """Leave the finding for whoever tells the operators, enter it, and return the error to raise."""
    context["ti"].xcom_push(key=FINDING_KEY, value=finding)
    ledger_checks.record_tampered(ops, finding)
    return LedgerTampered(finding)
