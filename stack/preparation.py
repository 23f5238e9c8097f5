"""What must be there before the first process starts: directories and clusters."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stack.clusters import cluster_directories, create_cluster, remove_stale_lock
from stack.config import StackConfig

# A laptop runs two of these beside Airflow. `state` serves Airflow's connection pools, hence the number of connections.
_CLUSTER_SETTINGS: dict[str, object] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": 100,
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": False,
    "max_wal_size": "512MB",
    "jit": False,  # compiling costs more than any query here takes
}


def make_directories(config: StackConfig) -> None:
    """Create the directories below LOCAL_DIR, private: they hold secrets, customers' data and logs.

    Only `pg` is left out, because the user that runs PostgreSQL may be another one.
    """
    for name in ("airflow", "alertmanager", "archive", "ledger-anchors", "logs", "prometheus", "run", "sandbox"):
        (config.local_dir / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("alertmanager/data", "prometheus/data", "prometheus/events/targets", "prometheus/events/rules"):
        (config.local_dir / name).mkdir(parents=True, exist_ok=True)


def create_clusters(config: StackConfig, secrets: Mapping[str, str]) -> None:
    """Create the clusters that are missing, both at a time, and write their settings."""
    state, platform = cluster_directories(config)
    with ThreadPoolExecutor() as pool:
        made = [
            pool.submit(_create_cluster, state, secrets["PG_STATE_SUPERUSER_PASSWORD"], {}),
            pool.submit(_create_cluster, platform, secrets["PG_PLATFORM_SUPERUSER_PASSWORD"], {"wal_level": "logical"}),
        ]
    for future in made:
        future.result()


def _create_cluster(data: Path, password: str, settings: Mapping[str, object]) -> None:
    create_cluster(data, password=password, settings={**_CLUSTER_SETTINGS, **settings})
    remove_stale_lock(data)
