"""The databases of both clusters: created, migrated, filled; skipped when nothing of it changed since."""

import hashlib
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version

import psycopg
from psycopg import sql

from stack.config import StackConfig
from stack.environment import Environment, airflow_environment, base_environment, postgres_uri, user_passwords
from stack.errors import PreparationFailed

_STEP_SECONDS = 300
_EXPORTER = "postgres_exporter"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of a preparation; `summary` is what the progress shows."""

    summary: str
    arguments: tuple[str, ...]
    environment: Environment = field(repr=False)


Announce = Callable[[str], None]


def prepare_databases(config: StackConfig, secrets: Mapping[str, str], *, announce: Announce) -> None:
    """Bring the databases of both clusters up to date; instant when nothing of the project changed since.

    Raises:
        PreparationFailed: a step failed; the message holds the last line that it said.
    """
    with ThreadPoolExecutor() as pool:
        state = pool.submit(_prepare_state, config, secrets, announce)
        platform = pool.submit(_prepare_platform, config, secrets, announce)
    state.result()
    platform.result()


def _prepare_state(config: StackConfig, secrets: Mapping[str, str], announce: Announce) -> None:
    admin = postgres_uri(config, secrets, cluster="state", user="postgres", database="postgres")
    sources = ("include/store", "stack/airflow_setup.py", "stack/secrets.py")
    fingerprint = _fingerprint(config, secrets, sources, "apache-airflow", "apache-airflow-providers-fab")
    if _prepared(admin, "airflow") == fingerprint:
        return
    bootstrap, migrate, airflow = _state_steps(config, secrets, admin)
    _run(config, bootstrap, announce)
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(_run, config, step, announce) for step in (migrate, airflow)]
    for future in both:
        future.result()
    _allow_exporter(admin, secrets["PG_EXPORTER_PASSWORD"], database="ops")
    _remember(admin, "airflow", fingerprint)


def _state_steps(config: StackConfig, secrets: Mapping[str, str], admin: str) -> tuple[Step, Step, Step]:
    passwords = {name: value for name, value in secrets.items() if name.startswith(("OPS_", "AIRFLOW_DB_"))}
    migrator = postgres_uri(config, secrets, cluster="state", user="ops_migrator", database="ops")
    base = base_environment(config)
    return (
        Step(
            summary="roles and databases of the state cluster",
            arguments=("-m", "include.store", "bootstrap"),
            environment=base | passwords | {"OPS_ADMIN_DSN": admin},
        ),
        Step(
            summary="schema of the ops database",
            arguments=("-m", "include.store", "migrate"),
            environment=base | {"OPS_MIGRATION_DSN": migrator},
        ),
        Step(
            summary="Airflow's schema, roles and users",
            arguments=("-m", "stack.airflow_setup"),
            environment=airflow_environment(config, secrets, ops_login="ops_tasks") | user_passwords(secrets),
        ),
    )


def _prepare_platform(config: StackConfig, secrets: Mapping[str, str], announce: Announce) -> None:
    admin = postgres_uri(config, secrets, cluster="platform", user="postgres", database="postgres")
    sources = ("sandbox/platform_db", "include/events/platform_grants")
    fingerprint = _fingerprint(config, secrets, sources)
    if _prepared(admin, "platform") == fingerprint:
        return
    for step in _platform_steps(config, secrets):
        _run(config, step, announce)
    _allow_exporter(admin, secrets["PG_EXPORTER_PASSWORD"], database="platform")
    _remember(admin, "platform", fingerprint)


def _platform_steps(config: StackConfig, secrets: Mapping[str, str]) -> tuple[Step, ...]:
    platform = postgres_uri(config, secrets, cluster="platform", user="postgres", database="platform")
    passwords = {name: secrets[name] for name in ("PLATFORM_API_PASSWORD", "OPS_PROVISIONER_PASSWORD")}
    environment = base_environment(config) | passwords
    seed = ("--rows", str(config.seed_rows), "--seed", str(config.seed))
    install = ("-m", "sandbox.platform_db", "install", "--dsn", platform)
    return (
        Step(summary="the events platform's schema", arguments=install, environment=environment),
        Step(
            summary=f"its demo data, about {config.seed_rows:,} rows",
            arguments=("-m", "sandbox.platform_db", "seed", "--dsn", platform, *seed),
            environment=environment,
        ),
        Step(
            summary="what its DBA grants us",
            arguments=("-m", "include.events.platform_grants", "install", "--dsn", platform),
            environment=environment,
        ),
    )


def _run(config: StackConfig, step: Step, announce: Announce) -> None:
    announce(step.summary)
    done = subprocess.run(
        [config.python, *step.arguments],
        env=step.environment,
        cwd=config.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_STEP_SECONDS,
        check=False,
    )
    log = config.log_dir / "preparation.log"
    with log.open("a") as file:
        file.write(f"--- {step.summary}\n{done.stdout}")
    if done.returncode != 0:
        last_line = (done.stdout.strip().splitlines() or ["no message"])[-1]
        raise PreparationFailed(f"{step.summary}: {last_line} (all of it: {log})")


def _fingerprint(config: StackConfig, secrets: Mapping[str, str], sources: Sequence[str], *distributions: str) -> str:
    """Return a digest of everything on which a preparation depends: its sources, versions, passwords and sizes."""
    digest = hashlib.sha256(repr((config.seed, config.seed_rows, sorted(secrets.items()))).encode())
    for distribution in distributions:
        digest.update(version(distribution).encode())
    for source in sources:
        root = config.root / source
        for path in sorted([root, *root.rglob("*")]):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _prepared(admin: str, database: str) -> str | None:
    """Return the fingerprint kept with the database itself, where it cannot outlive it."""
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    with psycopg.connect(admin) as connection:
        row = connection.execute(query, (database,)).fetchone()
    return row[0] if row else None


def _remember(admin: str, database: str, fingerprint: str) -> None:
    with psycopg.connect(admin) as connection:
        statement = sql.SQL("COMMENT ON DATABASE {} IS {}")
        connection.execute(statement.format(sql.Identifier(database), sql.Literal(fingerprint)))


def _allow_exporter(admin: str, password: str, *, database: str) -> None:
    """Give the exporter a login that may read statistics and nothing else."""
    role = sql.Identifier(_EXPORTER)
    with psycopg.connect(admin) as connection:
        verifier = connection.pgconn.encrypt_password(password.encode(), _EXPORTER.encode(), b"scram-sha-256").decode()
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (_EXPORTER,)).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {}").format(role))
        connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(verifier)))
        connection.execute(sql.SQL("GRANT pg_monitor TO {}").format(role))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), role))
