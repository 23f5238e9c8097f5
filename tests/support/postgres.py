"""A real PostgreSQL 15 cluster on a free port, in a directory of its own."""

import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import psycopg

from stack.clusters import SUPERUSER, create_cluster, data_directory, postgres_command
from tests.support.ports import free_port
from tests.support.waiting import wait_until

PASSWORD = "superuser-of-a-test-cluster"

# No durability: a test cluster is thrown away. Small memory: many run side by side.
_TEST_SETTINGS: dict[str, object] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": False,
    "synchronous_commit": False,
    "full_page_writes": False,
    "shared_buffers": "32MB",
    "max_connections": 60,
    "autovacuum_naptime": "10min",
    "timezone": "UTC",
}


class PostgresCluster:
    """A running cluster; use it as a context manager, which removes it, or call `stop`.

    The superuser is `postgres`; every login over TCP needs its password (scram), as in production.
    """

    def __init__(self, *, data: Path, port: int, log: Path) -> None:
        self.data = data
        self.port = port
        self.password = PASSWORD
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, tmp_dir: Path, settings: Mapping[str, object] | None = None) -> "PostgresCluster":
        """Create a cluster below `tmp_dir`, start it and wait until it answers."""
        port = free_port()
        data = data_directory(tmp_dir / "pgdata")
        create_cluster(data, password=PASSWORD, settings={**_TEST_SETTINGS, **(settings or {})})
        cluster = cls(data=data, port=port, log=tmp_dir / "postgres.log")
        cluster.restart()
        return cluster

    def restart(self) -> None:
        """Start the cluster again after `stop` or `kill`, on the same port."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                postgres_command(self.data, port=self.port), stdout=log, stderr=log, start_new_session=True, cwd="/"
            )
        wait_until(self._answers, what=f"PostgreSQL on port {self.port} (log: {self._log})")

    def dsn(self, dbname: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        """Return a connection URI; the password is the superuser's unless given."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{dbname}"

    def connect(self, dbname: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        """Connect as superuser in autocommit mode."""
        return psycopg.connect(self.dsn(dbname), autocommit=True)

    def stop(self) -> None:
        """Shut the cluster down (fast); no-op when it is down."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill the postmaster as a crash would (kill -9); its children notice and exit."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> "PostgresCluster":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended at once: {self._log.read_text()[-2000:]}")
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _end(self, with_signal: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(with_signal)
            self._process.wait(timeout=30)
