"""The SMTP side: aiosmtpd on the process's own event loop, with faults and the journal."""

from __future__ import annotations

import asyncio
import socket
import time

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.faults import Fault, Faults
from sandbox.journal import Journal, JournalEntry
from sandbox.mail.rules import mail_refusal
from sandbox.mail.store import MailStore
from sandbox.services import Service

_HOSTNAME = "mail.sandbox.invalid"
_DEFAULT_FAULT_STATUS = 451  # a passing failure: the client is to come again
_LARGEST_MAIL_BYTES = 10 * 1024 * 1024


class MailHandler:
    """Answers MAIL, RCPT and DATA."""

    def __init__(self, *, mails: MailStore, faults: Faults, journal: Journal) -> None:
        self._mails = mails
        self._faults = faults
        self._journal = journal

    # The names of the three hooks are aiosmtpd's.
    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the sender."""
        fault = self._faults.take(service=Service.SMTP, method="MAIL", path=address)
        if fault:
            return await self._fail(server, fault, method="MAIL", path=address, raw=b"")
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient."""
        fault = self._faults.take(service=Service.SMTP, method="RCPT", path=address)
        if fault:
            return await self._fail(server, fault, method="RCPT", path=address, raw=b"")
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take the message, if it is a good one."""
        started = time.perf_counter()
        raw = envelope.original_content or b""
        recipients = ",".join(envelope.rcpt_tos)
        fault = self._faults.take(service=Service.SMTP, method="DATA", path=recipients)
        if fault and not fault.request.after and not fault.only_delays:
            return await self._fail(server, fault, method="DATA", path=recipients, raw=raw)
        answer = mail_refusal(raw)
        if answer is None:
            mail_id = self._mails.add(
                envelope_from=envelope.mail_from or "", envelope_to=list(envelope.rcpt_tos), raw=raw
            )
            answer = f"250 2.0.0 OK queued as {mail_id}"
        if fault and fault.request.after:
            return await self._fail(server, fault, method="DATA", path=recipients, raw=raw)
        await asyncio.sleep(fault.request.delay_seconds if fault else 0)
        self._record("DATA", recipients, raw, int(answer[:3]), started)
        return answer

    async def _fail(self, server: SMTP, fault: Fault, *, method: str, path: str, raw: bytes) -> str:
        """Show the fault; its answer is sent by aiosmtpd, unless the line was cut."""
        started = time.perf_counter()
        await asyncio.sleep(fault.request.delay_seconds)
        status = None if fault.request.disconnect else fault.request.status or _DEFAULT_FAULT_STATUS
        self._record(method, path, raw, status, started, fault)
        if fault.request.disconnect and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        text = fault.request.body if isinstance(fault.request.body, str) else "4.3.0 Fault asked for"
        return f"{status or _DEFAULT_FAULT_STATUS} {text}"

    def _record(
        self, method: str, path: str, raw: bytes, status: int | None, started: float, fault: Fault | None = None
    ) -> None:
        self._journal.record(
            JournalEntry(
                service=Service.SMTP,
                method=method,
                path=path,
                body=raw,
                status=status,
                fault_id=fault.fault_id if fault else None,
                duration_ms=(time.perf_counter() - started) * 1000,
            )
        )


async def start_mail_server(handler: MailHandler, listener: socket.socket) -> asyncio.Server:
    """Serve SMTP on a bound socket."""
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(
            handler,
            hostname=_HOSTNAME,
            ident="ESMTP sandbox",
            data_size_limit=_LARGEST_MAIL_BYTES,
            loop=loop,
        )

    return await loop.create_server(session, sock=listener)
