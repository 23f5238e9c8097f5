"""How Airflow finds and mounts the console."""

import subprocess
import sys
from pathlib import Path

import pytest
from airflow._shared.plugins_manager.plugins_manager import _load_plugins_from_plugin_directory
from airflow.plugins_manager import AirflowPlugin
from fastapi import FastAPI
from starlette.requests import Request
from starlette.testclient import TestClient

from ops_console.addresses import relative_base
from tests.plugins.ops_console.conftest import AS_OPERATOR, request_body

PLUGINS = Path(__file__).parents[3] / "plugins"


@pytest.fixture
def plugin() -> AirflowPlugin:
    """The console as Airflow's own loader finds it: the only plugin, all else below `plugins/` being packages."""
    plugins, import_errors = _load_plugins_from_plugin_directory(str(PLUGINS))
    assert import_errors == {}
    (found,) = plugins
    return found


def test_the_console_is_mounted_under_its_prefix(plugin: AirflowPlugin) -> None:
    (app,) = plugin.fastapi_apps

    assert app["url_prefix"] == "/console"
    assert isinstance(app["app"], FastAPI)


@pytest.mark.parametrize(
    ("base_url", "path"), [("", "/console/"), ("https://ops.example/airflow", "/airflow/console/")]
)
def test_the_menu_leads_to_the_console_behind_any_prefix(
    plugin: AirflowPlugin, monkeypatch: pytest.MonkeyPatch, base_url: str, path: str
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)

    (view,) = plugin.external_views

    assert (view["name"], view["href"]) == ("Ops Console", path)


def test_the_address_works_without_its_slash(plugin: AirflowPlugin) -> None:
    (middleware,) = plugin.fastapi_root_middlewares
    airflow = FastAPI()
    airflow.add_middleware(middleware["middleware"], **middleware["kwargs"])

    with TestClient(airflow, follow_redirects=False) as client:
        assert client.get("/console").headers["location"] == "/console/"
        assert client.get("/consoles").status_code == 404


def test_other_airflow_processes_do_not_pay_for_the_console() -> None:
    program = "import sys, ops_console_plugin; sys.exit('ops_console.app' in sys.modules or 'fastapi' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], cwd=PLUGINS, check=False).returncode == 0


def test_addresses_hold_behind_a_prefix(console: TestClient) -> None:
    outer = FastAPI(root_path="/airflow")
    outer.mount("/console", console.app)
    with TestClient(outer, follow_redirects=False) as client:
        answer = client.post("/airflow/console/api/events", json=request_body(), headers=AS_OPERATOR)
        anonymous = client.get("/airflow/console/events/req-1")
        page = client.get("/airflow/console/request/req-1")

    assert answer.headers["location"] == "/airflow/console/api/events/req-1"
    assert anonymous.headers["location"] == "/auth/login/?next=/airflow/console/events/req-1"
    assert 'href="../static/console.css"' in page.text


@pytest.mark.parametrize(
    ("root_path", "path", "base"),
    [
        ("", "/", "./"),
        ("/console", "/console/", "./"),
        ("/console", "/console/request/x", "../"),
        ("", "/a/b/c", "../../"),
    ],
)
def test_the_way_up_is_relative(root_path: str, path: str, base: str) -> None:
    assert relative_base(Request({"type": "http", "path": path, "root_path": root_path})) == base
