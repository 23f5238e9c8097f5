"""Every setting once: name, type, safe default, reason.

Each field is read from the environment variable `PLATFORM_OPS_<NAME>`. Addresses and passwords of outside services
are not here but in connections (`include.common.connections`), so that tasks and the engine see the same ones.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent
LOCAL_DIR = PROJECT_ROOT / ".local"

MINUTE_SECONDS = 60
HOUR_SECONDS = 60 * MINUTE_SECONDS


class Settings(BaseSettings):
    """What can be set from outside. An unknown or ill-typed value stops the process at its start."""

    model_config = SettingsConfigDict(env_prefix="PLATFORM_OPS_", frozen=True, extra="ignore")

    public_url: str = Field(
        default="http://127.0.0.1:18080", description="Address under which people reach the console; no trailing slash."
    )
    guide_base_url: str = Field(
        default_factory=lambda known: str(known["public_url"]),
        description="Address in front of guide links; the public address unless guides are served elsewhere.",
    )
    timezone: str = Field(
        default="Asia/Seoul", description="Time zone in which people read times. Stored times are always UTC."
    )

    airflow_url: str = Field(
        default="http://127.0.0.1:18080", description="Airflow's REST API as the engine reaches it; no trailing slash."
    )
    airflow_username: str = Field(default="engine", description="The engine's service account in Airflow.")
    airflow_password: SecretStr = Field(default=SecretStr(""), description="Password of that service account.")

    engine_host: str = Field(default="127.0.0.1", description="Address on which the engine listens.")
    engine_port: int = Field(
        default=18090,
        validation_alias=AliasChoices("PLATFORM_OPS_ENGINE_PORT", "ENGINE_PORT"),
        description="Port of the engine's health, metrics and alert hand-over; ENGINE_PORT as for the whole stack.",
    )
    engine_sweep_seconds: float = Field(
        default=5, gt=0, description="How often the engine looks for requests without a run, if no signal wakes it."
    )
    engine_observe_seconds: float = Field(
        default=15, gt=0, description="How often the engine looks at Airflow and counts; as often as Prometheus asks."
    )
    alert_token_file: Path = Field(
        default=LOCAL_DIR / "alertmanager" / "engine-token",
        description="Bearer token that Alertmanager shows to the engine; drawn by the engine when missing.",
    )

    prometheus_events_dir: Path = Field(
        default=LOCAL_DIR / "prometheus" / "events",
        description="Folder that Prometheus watches: targets/*.json and rules/*.yml, one of each per event.",
    )
    promtool: str = Field(
        default="promtool", description="The promtool that checks a rule file before Prometheus is given it."
    )

    approvers_file: Path = Field(
        default=PROJECT_ROOT / "config" / "approvers.yaml",
        description="Who may approve what, with deputies and absences.",
    )
    approval_reminder_seconds: int = Field(
        default=4 * HOUR_SECONDS, gt=0, description="Unanswered for this long: those asked are reminded."
    )
    approval_deputy_seconds: int = Field(
        default=12 * HOUR_SECONDS, gt=0, description="Unanswered for this long: the deputies are asked."
    )
    approval_expiry_seconds: int = Field(
        default=24 * HOUR_SECONDS, gt=0, description="Unanswered for this long: the request expires."
    )
    operators_email: str = Field(
        default="platform-ops@example.com", description="Mailbox of the operators: failures and the daily ledger head."
    )

    retry_delay_seconds: int = Field(
        default=5, ge=1, description="Wait before a task's first retry; it doubles up to two minutes."
    )

    event_archive_dir: Path = Field(
        default=LOCAL_DIR / "archive", description="Where a decommissioned event's data waits out its grace."
    )
    decommission_grace_days: int = Field(
        default=30, ge=1, description="Days in which a decommissioned event can be restored."
    )

    ended_request_retention_days: int = Field(
        default=365,
        ge=1,
        description="Days after which a request that never became an event (rejected, expired, invalid, cancelled or"
        " rolled back) loses its personal data.",
    )

    ledger_anchor_url: str = Field(
        default=str(LOCAL_DIR / "ledger-anchors"),
        description="Where the ledger's head is published: a folder or any address that universal-pathlib can write"
        " (s3://bucket/prefix, ...). To be worth anything it must belong to somebody else than the database does.",
    )

    manual_minutes_per_event: int = Field(
        default=360,
        gt=0,
        description="Minutes that one event took by hand (6 h in the source document): the base of the hours saved.",
    )

    @field_validator("public_url", "guide_base_url", "airflow_url")
    @classmethod
    def without_trailing_slash(cls, address: str) -> str:
        """Drop the slash that would double when a path is put behind the address."""
        return address.rstrip("/")

    @field_validator("timezone")
    @classmethod
    def known_zone(cls, name: str) -> str:
        """Refuse a zone that this machine does not know, at start rather than in the first mail."""
        try:
            ZoneInfo(name)
        except ZoneInfoNotFoundError as error:
            raise ValueError(f"unknown time zone {name!r}, expected an IANA name such as Asia/Seoul") from error
        return name

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone for display."""
        return ZoneInfo(self.timezone)


@cache
def get_settings() -> Settings:
    """Return the settings of this process, read once. Tests call `get_settings.cache_clear()`."""
    return Settings()
