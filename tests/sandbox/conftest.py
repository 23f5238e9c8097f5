"""Airflow's hooks against the sandbox: connections from the environment, and a home that is thrown away."""

import json
from collections.abc import Callable

import pytest

from tools.airflow_home import use_temporary_home

use_temporary_home()

ConnectionSetter = Callable[..., str]


@pytest.fixture
def airflow_connection(monkeypatch: pytest.MonkeyPatch) -> ConnectionSetter:
    """Give Airflow a connection for the test: `airflow_connection("slack_default", conn_type="slack", ...)`."""

    def set_connection(conn_id: str, **fields: object) -> str:
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))
        return conn_id

    return set_connection
