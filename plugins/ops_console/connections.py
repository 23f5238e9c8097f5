"""Which outside services are on, which are off, and which only Airflow knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from include.common.connections import connection_from_env
from include.common.errors import ConnectionNotConfigured, InvalidConnection

# The project's fixed names; a service that is not configured is off, which fails nothing. `platform_db` is not among
# them: the environment of tasks alone has it, so that from here it would always look off.
CONNECTION_IDS = (
    "ops_db",
    "platform_api_default",
    "kubernetes_default",
    "prometheus_default",
    "alertmanager_default",
    "smtp_default",
    "sms_default",
    "slack_default",
    "slack_api_default",
    "teams_default",
    "pagerduty_events_default",
    "webhook_default",
    "jira_default",
    "servicenow_default",
    "statuspage_default",
)
_TONES = {"on": "good", "off": "idle", "unreadable": "bad", "stored": "wait"}


@dataclass(frozen=True, kw_only=True)
class ConnectionState:
    """One connection: on, off, unreadable, or stored (in Airflow's database only, where the engine cannot see it)."""

    conn_id: str
    state: str

    @property
    def tone(self) -> str:
        """Return the colour."""
        return _TONES[self.state]


def connection_states(stored: Iterable[str]) -> list[ConnectionState]:
    """Return the state of every connection that the project knows; `stored` are those in Airflow's database."""
    kept = frozenset(stored)
    return [ConnectionState(conn_id=conn_id, state=_state(conn_id, kept)) for conn_id in CONNECTION_IDS]


def _state(conn_id: str, stored: frozenset[str]) -> str:
    try:
        connection_from_env(conn_id)
    except ConnectionNotConfigured:
        return "stored" if conn_id in stored else "off"
    except InvalidConnection:
        return "unreadable"
    return "on"
