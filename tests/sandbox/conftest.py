"""Airflow's hooks against the sandbox: connections from the environment, and a home that is thrown away."""

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable

import pytest

if "AIRFLOW_HOME" not in os.environ:  # read when Airflow is first imported
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-home-")
    atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)

ConnectionSetter = Callable[..., str]


@pytest.fixture
def airflow_connection(monkeypatch: pytest.MonkeyPatch) -> ConnectionSetter:
    """Give Airflow a connection for the test: `airflow_connection("slack_default", conn_type="slack", ...)`."""

    def set_connection(conn_id: str, **fields: object) -> str:
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))
        return conn_id

    return set_connection
