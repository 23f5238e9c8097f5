"""The sandbox's settings, read once from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.errors import InvalidSetting


@dataclass(frozen=True, kw_only=True)
class SlackSettings:
    """Credentials and channels of the workspace that is played."""

    token: str = ""
    webhook: str = "T000/B000/xxx"
    webhook_channel: str = "ops-approvals"
    channels: tuple[str, ...] = ("general", "ops-approvals", "ops-alerts", "ops-events", "incidents")


@dataclass(frozen=True, kw_only=True)
class TwilioSettings:
    """The one account that exists, and the sender number that it owns."""

    account_sid: str = ""
    auth_token: str = ""
    sender: str = "+15005550006"


@dataclass(frozen=True, kw_only=True)
class KubernetesSettings:
    """Bearer token of the cluster, and how long a namespace takes to go."""

    token: str = ""
    termination_seconds: float = 0.3


@dataclass(frozen=True, kw_only=True)
class PlatformSettings:
    """The events platform's API: where its database is, and the token of its one service client."""

    dsn: str = field(default="", repr=False)
    service_token: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class SandboxSettings:
    """Everything that the process needs to know. A service whose credential is empty refuses every caller."""

    host: str
    port: int
    smtp_host: str
    smtp_port: int
    state_dir: Path
    public_url: str
    zone: ZoneInfo
    slack: SlackSettings
    twilio: TwilioSettings
    kubernetes: KubernetesSettings
    platform: PlatformSettings

    def services_without_credentials(self) -> tuple[str, ...]:
        """Name the services that refuse everyone because no credential was given, with the variable to set."""
        required = {
            "slack (Web API): SANDBOX_SLACK_TOKEN": self.slack.token,
            "twilio: SANDBOX_TWILIO_ACCOUNT_SID": self.twilio.account_sid,
            "twilio: SANDBOX_TWILIO_AUTH_TOKEN": self.twilio.auth_token,
            "kubernetes: SANDBOX_KUBERNETES_TOKEN": self.kubernetes.token,
            "events platform: SANDBOX_PLATFORM_TOKEN": self.platform.service_token,
            "events platform: PLATFORM_API_DSN": self.platform.dsn,
        }
        return tuple(name for name, value in required.items() if not value)


def settings_from_environment(environment: Mapping[str, str] | None = None) -> SandboxSettings:
    """Read the settings from ``SANDBOX_*`` and ``PLATFORM_API_DSN``.

    Raises InvalidSetting for a value that cannot be used.
    """
    env = os.environ if environment is None else environment
    host = env.get("SANDBOX_HOST", "127.0.0.1")
    port = _port(env, "SANDBOX_PORT", 18100)
    defaults = SlackSettings()
    channels = env.get("SANDBOX_SLACK_CHANNELS", "")
    return SandboxSettings(
        host=host,
        port=port,
        smtp_host=env.get("SANDBOX_SMTP_HOST", host),
        smtp_port=_port(env, "SANDBOX_SMTP_PORT", 11025),
        state_dir=Path(env.get("SANDBOX_STATE_DIR", ".local/sandbox")),
        public_url=env.get("SANDBOX_PUBLIC_URL", f"http://127.0.0.1:{port}").rstrip("/"),
        zone=_zone(env, "SANDBOX_TIMEZONE", "Asia/Seoul"),
        slack=SlackSettings(
            token=env.get("SANDBOX_SLACK_TOKEN", ""),
            webhook=env.get("SANDBOX_SLACK_WEBHOOK", defaults.webhook).strip("/"),
            webhook_channel=env.get("SANDBOX_SLACK_WEBHOOK_CHANNEL", defaults.webhook_channel).lstrip("#"),
            channels=tuple(name.strip().lstrip("#") for name in channels.split(",") if name.strip())
            or defaults.channels,
        ),
        twilio=TwilioSettings(
            account_sid=env.get("SANDBOX_TWILIO_ACCOUNT_SID", ""),
            auth_token=env.get("SANDBOX_TWILIO_AUTH_TOKEN", ""),
            sender=env.get("SANDBOX_TWILIO_FROM", TwilioSettings.sender),
        ),
        kubernetes=KubernetesSettings(
            token=env.get("SANDBOX_KUBERNETES_TOKEN", ""),
            termination_seconds=_seconds(env, "SANDBOX_KUBERNETES_TERMINATION_SECONDS", 0.3),
        ),
        platform=PlatformSettings(
            dsn=env.get("PLATFORM_API_DSN", ""),
            service_token=env.get("SANDBOX_PLATFORM_TOKEN", ""),
        ),
    )


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, str(default))
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise InvalidSetting(f"{name} is {text!r}; expected a port between 1 and 65535")
    return int(text)


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name, str(default))
    try:
        seconds = float(text)
    except ValueError:
        raise InvalidSetting(f"{name} is {text!r}; expected a number of seconds") from None
    if not 0 <= seconds <= 60:
        raise InvalidSetting(f"{name} is {text!r}; expected 0 to 60 seconds")
    return seconds


def _zone(env: Mapping[str, str], name: str, default: str) -> ZoneInfo:
    text = env.get(name, default)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidSetting(f"{name} is {text!r}; expected a time zone such as Asia/Seoul") from None
