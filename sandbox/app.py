"""The parts put together: one ASGI application for all services and pages."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import disable_created_metrics
from starlette.applications import Starlette
from starlette.middleware import Middleware

from sandbox.config import SandboxSettings
from sandbox.control import Control
from sandbox.faults import Faults
from sandbox.gateway import Gateway, SandboxMetrics
from sandbox.journal import Journal
from sandbox.kubernetes.api import KubernetesApi
from sandbox.mail.server import MailHandler, start_mail_server
from sandbox.mail.store import MailStore
from sandbox.pages.inboxes import Inboxes
from sandbox.platform_api.api import PlatformApi, answer_refusal
from sandbox.platform_api.errors import PlatformError
from sandbox.platform_api.metrics import PlatformMetrics
from sandbox.slack.messages import Workspace
from sandbox.slack.web_api import WebApi
from sandbox.slack.webhooks import Webhooks
from sandbox.state import StateStore
from sandbox.twilio.api import TwilioApi
from sandbox.twilio.messages import MessageStore

log = logging.getLogger(__name__)


def build_app(settings: SandboxSettings, *, smtp_listener: socket.socket) -> Starlette:
    """Return the application; SMTP is served on `smtp_listener` for as long as the application lives."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the series and no rule reads them
    state = StateStore(settings.state_dir / "sandbox.sqlite3")
    faults, journal, metrics = Faults(), Journal(state), SandboxMetrics()
    mails, workspace = MailStore(state), Workspace(state, settings.slack.channels)
    platform_metrics = PlatformMetrics()
    platform = PlatformApi(settings, platform_metrics)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        smtp = await start_mail_server(MailHandler(mails=mails, faults=faults, journal=journal), smtp_listener)
        async with platform.running():
            for missing in settings.services_without_credentials():
                log.warning("refuses every caller: %s is not set", missing)
            yield
        smtp.close()
        state.close()

    return Starlette(
        routes=[
            *Control(state=state, faults=faults, journal=journal, registry=metrics.registry).routes(),
            *Webhooks(settings.slack, workspace).routes(),
            *WebApi(settings.slack, workspace).routes(),
            *TwilioApi(settings.twilio, state).routes(),
            *KubernetesApi(settings.kubernetes, state).routes(),
            *platform.routes(),
            *Inboxes(settings, mails=mails, sms=MessageStore(state), workspace=workspace).routes(),
        ],
        # The platform's figures are outermost: what a fault answers is an answer of the platform, too.
        middleware=[
            Middleware(platform_metrics.middleware()),
            Middleware(Gateway, faults=faults, journal=journal, metrics=metrics),
        ],
        exception_handlers={PlatformError: answer_refusal},
        lifespan=lifespan,
    )
