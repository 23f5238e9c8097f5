"""Everything outside that event provisioning touches, put together from Airflow's connections."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowNotFoundException

from include.settings import get_settings
from platform_ops.hooks.email import send_email, sender_address
from platform_ops.hooks.postgres import connection_info, database

if TYPE_CHECKING:
    from include.clients.twilio_sms import TwilioSms
    from include.events.world import World

log = logging.getLogger(__name__)


@contextmanager
def open_world() -> Iterator[World]:
    """Yield the `World` of the provisioning steps; everything opened here is closed at the end.

    Raises AirflowNotFoundException when a connection that provisioning cannot do without is missing. SMS alone may be
    off: the confirmation then goes by mail only, and the log says so.
    """
    # Imported here: the Kubernetes client alone costs about a second of CPU, which parsing a DAG must not pay.
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
    from kubernetes.client import NetworkingV1Api

    from include.clients.platform_api import PlatformApi
    from include.clients.prometheus import Prometheus
    from include.events.world import World

    settings = get_settings()
    kubernetes = KubernetesHook(conn_id="kubernetes_default")
    with ExitStack() as stack:
        platform_api = connection_info("platform_api_default")
        yield World(
            ops=stack.enter_context(database("ops_db")),
            platform=stack.enter_context(database("platform_db")),
            core=kubernetes.core_v1_client,
            networking=NetworkingV1Api(api_client=kubernetes.api_client),
            platform_api=stack.enter_context(
                PlatformApi(base_url=platform_api.http_url(), token=platform_api.password)
            ),
            prometheus=stack.enter_context(Prometheus(base_url=connection_info("prometheus_default").http_url())),
            events_dir=settings.prometheus_events_dir,
            promtool=settings.promtool,
            send_email=send_email,
            sms=_sms(),
            guide_base_url=settings.guide_base_url,
            mail_from=sender_address(),
            operators_email=settings.operators_email,
            timezone=settings.timezone,
        )


def _sms() -> TwilioSms | None:
    from include.clients.twilio_sms import TwilioSms

    try:
        gateway = connection_info("sms_default")
    except AirflowNotFoundException:
        log.warning("sms_default is off: it is not configured, customers get mail only")
        return None
    return TwilioSms(
        base_url=gateway.http_url(),
        account_sid=gateway.login,
        auth_token=gateway.password,
        sender=gateway.extra["from"],
    )
