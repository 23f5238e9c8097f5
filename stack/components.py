"""The components of the stack: one list that says how each is started, where it answers and how it is stopped."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from stack.clusters import cluster_directories, postgres_command, postgres_tool
from stack.config import StackConfig
from stack.environment import (
    HOST,
    Environment,
    airflow_environment,
    base_environment,
    engine_environment,
    postgres_uri,
    sandbox_environment,
)

POSTGRES_STATE = "postgres-state"
POSTGRES_PLATFORM = "postgres-platform"
CODE = "STACK_CODE"


@dataclass(frozen=True, kw_only=True)
class HttpCheck:
    """Healthy when GET answers 200."""

    url: str


@dataclass(frozen=True, kw_only=True)
class PostgresCheck:
    """Healthy when a connection can be made."""

    dsn: str


@dataclass(frozen=True, kw_only=True)
class AirflowJobCheck:
    """Healthy when the api-server reports a heartbeat of this job that is younger than the process."""

    url: str
    job: str


Check = HttpCheck | PostgresCheck | AirflowJobCheck


@dataclass(frozen=True, kw_only=True)
class Component:
    """One process of the stack.

    `ports` are its listening ports by the names used in `.env`. Those with `needs_databases` start after both clusters
    were prepared.
    """

    name: str
    command: tuple[str, ...]
    environment: Environment = field(repr=False)
    check: Check = field(repr=False)
    ports: Mapping[str, int] = field(default_factory=dict)
    needs_databases: bool = False
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    version_command: tuple[str, ...] = ()


def components(config: StackConfig, secrets: Mapping[str, str]) -> tuple[Component, ...]:
    """Return all components in the order in which they are shown."""
    return (
        *_databases(config, secrets),
        *(_with_code(each, config, "include", "plugins") for each in _airflow(config, secrets)),
        *_monitoring(config, secrets),
        _with_code(_engine(config, secrets), config, "include"),
        _with_code(_sandbox(config, secrets), config, "sandbox"),
    )


def _with_code(component: Component, config: StackConfig, *folders: str) -> Component:
    """Put a mark of the code that a process loads once into its environment, so that `up` restarts it after an edit."""
    state = hashlib.sha256()
    for path in sorted(path for folder in folders for path in (config.root / folder).rglob("*.py")):
        known = path.stat()
        state.update(f"{path} {known.st_mtime_ns} {known.st_size}\n".encode())
    return replace(component, environment={**component.environment, CODE: state.hexdigest()[:16]})


def _databases(config: StackConfig, secrets: Mapping[str, str]) -> tuple[Component, Component]:
    state, platform = cluster_directories(config)
    return (
        _postgres(config, secrets, name=POSTGRES_STATE, data=state, port=config.ports.pg_state),
        _postgres(config, secrets, name=POSTGRES_PLATFORM, data=platform, port=config.ports.pg_platform),
    )


def _postgres(config: StackConfig, secrets: Mapping[str, str], *, name: str, data: Path, port: int) -> Component:
    cluster = name.removeprefix("postgres-")
    return Component(
        name=name,
        command=tuple(postgres_command(data, port=port)),
        environment=base_environment(config),
        check=PostgresCheck(
            dsn=postgres_uri(config, secrets, cluster=cluster, user="postgres", database="postgres"),
        ),
        ports={f"PG_{cluster.upper()}_PORT": port},
        stop_signal="INT",  # fast shutdown; TERM would wait for every client to leave
        stop_seconds=20,
        version_command=(postgres_tool("postgres"), "--version"),
    )


def _airflow(config: StackConfig, secrets: Mapping[str, str]) -> tuple[Component, ...]:
    api = f"http://{HOST}:{config.ports.airflow_api}"
    health = f"{api}/api/v2/monitor/health"
    tasks = airflow_environment(config, secrets, ops_login="ops_tasks")
    console = airflow_environment(config, secrets, ops_login="ops_console")

    def component(name: str, *options: str, environment: Environment, check: Check) -> Component:
        return Component(
            name=f"airflow-{name}",
            command=(config.python, "-m", "airflow", name, *options),
            environment=environment,
            check=check,
            ports={"AIRFLOW_API_PORT": config.ports.airflow_api} if name == "api-server" else {},
            needs_databases=True,
        )

    def job(name: str, *options: str, environment: Environment = tasks) -> Component:
        check = AirflowJobCheck(url=health, job=name.replace("-", "_"))
        return component(name, *options, environment=environment, check=check)

    # Task logs lie on the same disk as the api-server reads, so nobody needs to serve them (and no port is taken).
    return (
        component("api-server", environment=console, check=HttpCheck(url=health)),
        # Its forks are the workers and their forks the tasks: what it imports, they need not (airflow_local_settings).
        job("scheduler", "--skip-serve-logs", environment=tasks | {"PLATFORM_OPS_PRELOAD": "1"}),
        job("dag-processor"),
        job("triggerer", "--skip-serve-logs"),
    )


def _monitoring(config: StackConfig, secrets: Mapping[str, str]) -> tuple[Component, ...]:
    ports = config.ports
    return (
        _server(
            config,
            "prometheus",
            ports.prometheus,
            f"--config.file={config.local_dir}/prometheus/prometheus.yml",
            f"--storage.tsdb.path={config.local_dir}/prometheus/data",
            "--storage.tsdb.retention.time=30d",
            "--web.enable-lifecycle",
            # A new event is listed 1.6 s after its reload on average; with the default of 5 s it takes 3.1 s.
            "--scrape.discovery-reload-interval=200ms",
            health="/-/ready",
        ),
        _server(
            config,
            "prometheus-alertmanager",
            ports.alertmanager,
            f"--config.file={config.local_dir}/alertmanager/alertmanager.yml",
            f"--storage.path={config.local_dir}/alertmanager/data",
            "--cluster.listen-address=",
            name="alertmanager",
            health="/-/ready",
        ),
        _server(
            config,
            "prometheus-node-exporter",
            ports.node_exporter,
            # On by default in Debian; without a systemd it logs an error at each scrape, and no rule asks for it.
            "--no-collector.systemd",
            name="node-exporter",
            # A check that reads only the status of its long metrics breaks the pipe, which is logged line by line.
            health="/",
        ),
        _postgres_exporter(config, secrets, cluster="state", port=ports.pg_exporter_state),
        _postgres_exporter(config, secrets, cluster="platform", port=ports.pg_exporter_platform),
    )


def _server(
    config: StackConfig,
    program: str,
    port: int,
    *arguments: str,
    name: str | None = None,
    variable: str | None = None,
    environment: Environment | None = None,
    health: str = "/metrics",
    needs_databases: bool = False,
) -> Component:
    """Describe one of the Prometheus family: they share the option for their address."""
    name = name or program
    path = f"/usr/bin/{program}"
    return Component(
        name=name,
        command=(path, f"--web.listen-address={HOST}:{port}", "--log.level=warn", *arguments),
        environment=base_environment(config) | (environment or {}),
        check=HttpCheck(url=f"http://{HOST}:{port}{health}"),
        ports={variable or f"{name.upper().replace('-', '_')}_PORT": port},
        needs_databases=needs_databases,
        version_command=(path, "--version"),
    )


def _postgres_exporter(config: StackConfig, secrets: Mapping[str, str], *, cluster: str, port: int) -> Component:
    database = "ops" if cluster == "state" else "platform"
    uri = postgres_uri(config, secrets, cluster=cluster, user="postgres_exporter", database=database)
    queries = config.root / "config" / "postgres_exporter" / "queries.yaml"
    return _server(
        config,
        "prometheus-postgres-exporter",
        port,
        *((f"--extend.query-path={queries}",) if queries.exists() else ()),
        name=f"postgres-exporter-{cluster}",
        variable=f"PG_EXPORTER_{cluster.upper()}_PORT",
        environment={"DATA_SOURCE_NAME": f"{uri}?sslmode=disable", "GOMAXPROCS": "1"},
        needs_databases=True,
    )


def _engine(config: StackConfig, secrets: Mapping[str, str]) -> Component:
    port = config.ports.engine
    return Component(
        name="engine",
        command=(config.python, "-m", "include.engine"),
        environment=engine_environment(config, secrets),
        check=HttpCheck(url=f"http://{HOST}:{port}/healthz"),
        ports={"ENGINE_PORT": port},
        needs_databases=True,
    )


def _sandbox(config: StackConfig, secrets: Mapping[str, str]) -> Component:
    ports = config.ports
    return Component(
        name="sandbox",
        command=(config.python, "-m", "sandbox"),
        environment=sandbox_environment(config, secrets),
        check=HttpCheck(url=f"http://{HOST}:{ports.sandbox}/healthz"),
        ports={"SANDBOX_PORT": ports.sandbox, "SANDBOX_SMTP_PORT": ports.sandbox_smtp},
        needs_databases=True,
    )
