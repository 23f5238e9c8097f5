"""Secrets of one local stack: random at the first start, kept in `.local/secrets.env`, readable by the owner only."""

import base64
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from stack.config import StackConfig, read_env_file
from stack.files import write_private


def _password() -> str:
    return secrets.token_urlsafe(18)


def _readable_password() -> str:
    """Return 60 bits in groups that can be typed from a screen; letters that look alike are left out."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(3))


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _account_sid() -> str:
    return "AC" + secrets.token_hex(16)


# FAB user name -> role.
USERS: Mapping[str, str] = {
    "admin": "Admin",
    "requester1": "requester",
    "operator1": "operator",
    "manager1": "manager",
    "manager2": "manager",
    "executive1": "executive",
    "executive2": "executive",
    "dba1": "dba",
    "engine": "engine",
}
SERVICE_ACCOUNTS = frozenset({"engine"})


def user_password_variable(username: str) -> str:
    """Return the name under which a user's password is kept."""
    return f"AIRFLOW_{username.upper()}_PASSWORD"


_GENERATORS: Mapping[str, Callable[[], str]] = {
    "PG_STATE_SUPERUSER_PASSWORD": _password,
    "PG_PLATFORM_SUPERUSER_PASSWORD": _password,
    "PG_EXPORTER_PASSWORD": _password,
    "AIRFLOW_DB_PASSWORD": _password,
    "OPS_MIGRATOR_PASSWORD": _password,
    "OPS_AUDITOR_PASSWORD": _password,
    "OPS_TASKS_PASSWORD": _password,
    "OPS_CONSOLE_PASSWORD": _password,
    "OPS_ENGINE_PASSWORD": _password,
    "OPS_PROVISIONER_PASSWORD": _password,
    "PLATFORM_API_PASSWORD": _password,
    "ENGINE_ALERT_TOKEN": _password,
    "AIRFLOW_FERNET_KEY": _fernet_key,
    "AIRFLOW_JWT_SECRET": _password,
    "AIRFLOW_API_SECRET_KEY": _password,
    "SANDBOX_SLACK_TOKEN": lambda: "xoxb-" + secrets.token_hex(16),
    "SANDBOX_TWILIO_ACCOUNT_SID": _account_sid,
    "SANDBOX_TWILIO_AUTH_TOKEN": lambda: secrets.token_hex(16),
    "SANDBOX_KUBERNETES_TOKEN": _password,
    "SANDBOX_PLATFORM_TOKEN": _password,
    **{user_password_variable(name): _readable_password for name in USERS},
}


def secrets_file(config: StackConfig) -> Path:
    """Return the path of the stack's secrets."""
    return config.local_dir / "secrets.env"


def load_secrets(config: StackConfig) -> dict[str, str]:
    """Return all secrets; those that are missing are drawn and kept.

    A new version of the project may need one more secret: the others stay as they are.
    """
    path = secrets_file(config)
    known = read_env_file(path)
    missing = {name: draw() for name, draw in _GENERATORS.items() if name not in known}
    if missing:
        known |= missing
        write_private(path, "".join(f"{name}={value}\n" for name, value in known.items()))
    return known
