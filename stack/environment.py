"""What every process of the stack is told through its environment: connections, settings, Airflow's configuration."""

import json
import os
from collections.abc import Mapping
from urllib.parse import quote

from stack.config import MARKER, StackConfig
from stack.secrets import USERS, user_password_variable

Environment = dict[str, str]

# Nothing else of the caller's environment gets in: a foreign AIRFLOW_HOME or PGHOST would bend the stack.
_INHERITED = (
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)

HOST = "127.0.0.1"
SMTP_FROM = "Platform Ops <platform-ops@example.com>"
TWILIO_FROM = "+15005550006"
SLACK_WEBHOOK_PATH = "T000/B000/local"


def base_environment(config: StackConfig) -> Environment:
    """Return what every process gets."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {
        MARKER: str(config.local_dir),
        "PATH": f"{config.root}/.venv/bin:/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": f"{config.root}:{config.root}/plugins",
        "PYTHONUNBUFFERED": "1",
        # setproctitle would overwrite the environment in /proc, by which `down` finds orphans.
        "SPT_NOENV": "1",
        # glibc keeps an arena per thread and core: 40 to 60 MB less per Airflow process with two.
        "MALLOC_ARENA_MAX": "2",
    }


def postgres_uri(config: StackConfig, secrets: Mapping[str, str], *, cluster: str, user: str, database: str) -> str:
    """Return the address of a database; `cluster` is "state" or "platform"."""
    port = config.ports.pg_state if cluster == "state" else config.ports.pg_platform
    return f"postgresql://{user}:{quote(secrets[_password_variable(cluster, user)], safe='')}@{HOST}:{port}/{database}"


def _password_variable(cluster: str, user: str) -> str:
    special = {
        "postgres": f"PG_{cluster.upper()}_SUPERUSER_PASSWORD",
        "postgres_exporter": "PG_EXPORTER_PASSWORD",
        "airflow": "AIRFLOW_DB_PASSWORD",
    }
    return special.get(user, f"{user.upper()}_PASSWORD")


def connections(config: StackConfig, secrets: Mapping[str, str], *, ops_login: str) -> Environment:
    """Return the Airflow connections; each process logs in to `ops` with a role of its own (`ops_login`)."""
    sandbox = f"http://{HOST}:{config.ports.sandbox}"
    known: dict[str, dict[str, object]] = {
        "ops_db": _postgres(config.ports.pg_state, ops_login, secrets, "ops"),
        "alertmanager_default": {"conn_type": "http", "host": f"http://{HOST}:{config.ports.alertmanager}"},
        "prometheus_default": {"conn_type": "http", "host": f"http://{HOST}:{config.ports.prometheus}"},
        "slack_default": {
            "conn_type": "slackwebhook",
            "host": f"{sandbox}/slack/services",
            "password": SLACK_WEBHOOK_PATH,
        },
        "slack_api_default": {
            "conn_type": "slack",
            "password": secrets["SANDBOX_SLACK_TOKEN"],
            "extra": {"base_url": f"{sandbox}/slack/api/"},
        },
        "smtp_default": {
            "conn_type": "smtp",
            "host": HOST,
            "port": config.ports.sandbox_smtp,
            "extra": {"disable_ssl": True, "disable_tls": True, "from_email": SMTP_FROM},
        },
        "sms_default": {
            "conn_type": "http",
            "host": f"{sandbox}/twilio",
            "login": secrets["SANDBOX_TWILIO_ACCOUNT_SID"],
            "password": secrets["SANDBOX_TWILIO_AUTH_TOKEN"],
            "extra": {"from": TWILIO_FROM},
        },
        "platform_api_default": {
            "conn_type": "http",
            "host": f"{sandbox}/platform",
            "password": secrets["SANDBOX_PLATFORM_TOKEN"],
        },
        "kubernetes_default": {
            "conn_type": "kubernetes",
            "extra": {"kube_config": json.dumps(_kube_config(f"{sandbox}/k8s", secrets["SANDBOX_KUBERNETES_TOKEN"]))},
        },
    }
    if ops_login == "ops_tasks":  # only tasks change the platform
        known["platform_db"] = _postgres(config.ports.pg_platform, "ops_provisioner", secrets, "platform")
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in known.items()}


def _postgres(port: int, login: str, secrets: Mapping[str, str], database: str) -> dict[str, object]:
    password = secrets[f"{login.upper()}_PASSWORD"]
    return {"conn_type": "postgres", "host": HOST, "port": port, "login": login, "password": password,
            "schema": database}  # fmt: skip


def _kube_config(server: str, token: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "platform", "cluster": {"server": server}}],
        "users": [{"name": "platform-ops", "user": {"token": token}}],
        "contexts": [{"name": "platform", "context": {"cluster": "platform", "user": "platform-ops"}}],
        "current-context": "platform",
    }


def settings(config: StackConfig) -> Environment:
    """Return our own settings (`include.settings`)."""
    airflow = f"http://{HOST}:{config.ports.airflow_api}"
    return {
        "PLATFORM_OPS_PUBLIC_URL": airflow,
        "PLATFORM_OPS_AIRFLOW_URL": airflow,
        "PLATFORM_OPS_PROMETHEUS_EVENTS_DIR": str(config.local_dir / "prometheus" / "events"),
        "PLATFORM_OPS_EVENT_ARCHIVE_DIR": str(config.local_dir / "archive"),
        "PLATFORM_OPS_LEDGER_ANCHOR_URL": str(config.local_dir / "ledger-anchors"),
        "PLATFORM_OPS_PROMTOOL": "promtool",
        "PLATFORM_OPS_ALERT_TOKEN_FILE": str(config.local_dir / "alertmanager" / "engine-token"),
    }


def airflow_environment(config: StackConfig, secrets: Mapping[str, str], *, ops_login: str) -> Environment:
    """Return everything an Airflow process needs; `ops_login` is its role in the `ops` database."""
    return (
        base_environment(config)
        | settings(config)
        | connections(config, secrets, ops_login=ops_login)
        | _airflow_configuration(config, secrets)
        | config.extra
    )


def engine_environment(config: StackConfig, secrets: Mapping[str, str]) -> Environment:
    """Return what the engine needs: the same connections, and its service account in Airflow."""
    return (
        base_environment(config)
        | settings(config)
        | connections(config, secrets, ops_login="ops_engine")
        | {
            "ENGINE_PORT": str(config.ports.engine),
            "PLATFORM_OPS_AIRFLOW_USERNAME": "engine",
            "PLATFORM_OPS_AIRFLOW_PASSWORD": secrets[user_password_variable("engine")],
        }
        | config.extra
    )


def sandbox_environment(config: StackConfig, secrets: Mapping[str, str]) -> Environment:
    """Return what the sandbox needs: the credentials that it checks, and its own role on the platform's database."""
    given = {name: value for name, value in secrets.items() if name.startswith("SANDBOX_")}
    return base_environment(config) | given | {
        "SANDBOX_PORT": str(config.ports.sandbox),
        "SANDBOX_SMTP_PORT": str(config.ports.sandbox_smtp),
        "SANDBOX_STATE_DIR": str(config.local_dir / "sandbox"),
        "SANDBOX_PUBLIC_URL": f"http://{HOST}:{config.ports.sandbox}",
        "SANDBOX_SLACK_WEBHOOK": SLACK_WEBHOOK_PATH,
        "SANDBOX_TWILIO_FROM": TWILIO_FROM,
        "PLATFORM_API_DSN": postgres_uri(
            config, secrets, cluster="platform", user="platform_api", database="platform"
        ),
    }  # fmt: skip


def user_passwords(secrets: Mapping[str, str]) -> Environment:
    """Return the passwords of Airflow's users under their variables."""
    return {user_password_variable(name): secrets[user_password_variable(name)] for name in USERS}


def _airflow_configuration(config: StackConfig, secrets: Mapping[str, str]) -> Environment:
    database = postgres_uri(config, secrets, cluster="state", user="airflow", database="airflow")
    api = f"http://{HOST}:{config.ports.airflow_api}"
    return {
        "AIRFLOW_HOME": str(config.airflow_home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(config.root / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(config.root / "plugins"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__AUTH_MANAGER": "platform_ops.auth.PlatformOpsAuthManager",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__FERNET_KEY": secrets["AIRFLOW_FERNET_KEY"],
        # Without it every task looks for the api-server on port 8080.
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{api}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.replace("postgresql://", "postgresql+psycopg2://"),
        "AIRFLOW__API__BASE_URL": api,
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(config.ports.airflow_api),
        "AIRFLOW__API__SECRET_KEY": secrets["AIRFLOW_API_SECRET_KEY"],
        "AIRFLOW__API__INSTANCE_NAME": "Platform Ops",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets["AIRFLOW_JWT_SECRET"],
        "AIRFLOW__API_AUTH__JWT_ISSUER": "platform-ops",
        "AIRFLOW__FAB__ENABLE_PROXY_FIX": "False",
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        **_AIRFLOW_TUNING,
    }


# Each was measured: docs/adr/0012-airflow-settings.md.
_AIRFLOW_TUNING: Environment = {
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__CORE__PARALLELISM": "8",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",  # a new DAG file is found
    # The next task of a run waits for the scheduler's next look.
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    # A killed worker is noticed after a minute, not after five.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    # Also how long a worker may keep its slot after a task has ended.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
}
