"""Where the local stack's `ops` database is, for commands that are typed into a shell that knows nothing of it.

On a server the database is named by `--dsn` or the environment. On a developer's machine `make up` leaves the drawn
passwords in `secrets.env` below `LOCAL_DIR`, for this user only, and the ports are those of `.env`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from psycopg.conninfo import make_conninfo

from include.settings import PROJECT_ROOT
from include.store.bootstrap import OPS_DATABASE, password_variable

DEFAULT_LOCAL_DIR = ".local"
DEFAULT_PORT = "15432"


def local_stack_dsn(role: str, *, root: Path = PROJECT_ROOT, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return how the role logs in to the local stack; None when there is no local stack."""
    settings = _read_env_file(root / ".env") | dict(environ)
    secrets = _read_env_file(root / settings.get("LOCAL_DIR", DEFAULT_LOCAL_DIR) / "secrets.env")
    password = secrets.get(password_variable(role))
    if not password:
        return None
    port = settings.get("PG_STATE_PORT", DEFAULT_PORT)
    return make_conninfo(host="127.0.0.1", port=port, user=role, password=password, dbname=OPS_DATABASE)


def _read_env_file(path: Path) -> dict[str, str]:
    """Read `NAME=value` lines; a file that is not there has none."""
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}
