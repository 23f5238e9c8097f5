"""The small programs that run inside containers."""

import http.server
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deploy import probe, render_config
from deploy.draw_secrets import main as draw_secrets
from stack.config import StackConfig, read_env_file
from stack.secrets import secrets_file
from tests.architecture.source import ROOT
from tests.support.postgres import PostgresCluster

VALUES = {"ROOT": "/opt/platform-ops", "LOCAL_DIR": "/etc/platform-ops", "EVENTS_DIR": "/var/lib/platform-ops/events"}


@pytest.mark.parametrize("service", ["prometheus", "alertmanager"])
def test_our_templates_render_for_containers(service: str, tmp_path: Path) -> None:
    """And the real tool accepts the result."""
    template = (ROOT / "config" / service / f"{service}.yml.tmpl").read_text(encoding="utf-8")
    text = render_config.render(template, VALUES)
    assert "alertmanager:9093" in text or "engine:18090" in text
    rendered = tmp_path / f"{service}.yml"
    rendered.write_text(text, encoding="utf-8")
    check = {
        "prometheus": ["promtool", "check", "config", "--syntax-only", str(rendered)],
        "alertmanager": ["amtool", "check-config", str(rendered)],
    }[service]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_files_and_the_token_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_ALERT_TOKEN", "shown to the engine")
    assert render_config.main(tmp_path) == 0
    written = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert written == {"prometheus/prometheus.yml", "alertmanager/alertmanager.yml", "alertmanager/engine-token"}
    assert (tmp_path / "alertmanager" / "engine-token").read_text(encoding="utf-8") == "shown to the engine"
    assert "/etc/platform-ops/alertmanager/engine-token" in (tmp_path / "alertmanager" / "alertmanager.yml").read_text()


def test_a_local_port_without_a_service_is_refused() -> None:
    with pytest.raises(render_config.NotRendered, match="GRAFANA_PORT"):
        render_config.render("targets: ['127.0.0.1:${GRAFANA_PORT}']", {})


def test_an_address_of_this_machine_is_refused() -> None:
    with pytest.raises(render_config.NotRendered, match="local machine"):
        render_config.render("targets: ['127.0.0.1:9090']", {})


def test_every_service_named_in_the_configuration_is_in_compose() -> None:
    compose = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
    for address in render_config.ADDRESSES.values():
        assert f"\n  {address.partition(':')[0]}:" in compose


class _Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"scheduler": {"status": "healthy"}, "triggerer": {"status": "unhealthy"}}).encode()
        self.send_response(200 if self.path == "/health" else 503)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    ("path", "component", "code"),
    [
        ("/health", (), 0),
        ("/health", ("scheduler",), 0),
        ("/health", ("triggerer",), 1),
        ("/health", ("dag_processor",), 1),
        ("/broken", (), 1),
    ],
)
def test_the_probe_tells_healthy_from_not(address: str, path: str, component: tuple[str, ...], code: int) -> None:
    assert probe.main(address + path, *component) == code


def test_the_probe_survives_a_port_without_a_server() -> None:
    assert probe.main("http://127.0.0.1:9/health") == 1


def test_drawn_secrets_stay_when_drawn_again(tmp_path: Path) -> None:
    config = StackConfig.load({"LOCAL_DIR": str(tmp_path)})
    draw_secrets(config)
    first = read_env_file(secrets_file(config))
    draw_secrets(config)
    assert read_env_file(secrets_file(config)) == first
    assert first["REDIS_PASSWORD"]
    assert secrets_file(config).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("script", sorted((ROOT / "deploy").glob("*.sh")), ids=lambda script: script.name)
def test_scripts_are_valid_shell(script: Path) -> None:
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_exporter_may_read_statistics_only_and_the_script_can_run_again(state_cluster: PostgresCluster) -> None:
    admin = state_cluster.dsn("postgres", "postgres")
    command = ["psql", admin, "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1"]
    command += ["--set", "password=it's secret", "--file", str(ROOT / "deploy" / "exporter-role.sql")]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    with psycopg.connect(admin, user="postgres_exporter", password="it's secret") as exporter:
        assert exporter.execute("SELECT count(*) >= 1 FROM pg_stat_activity").fetchone() == (True,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            exporter.execute("CREATE ROLE intruder")
