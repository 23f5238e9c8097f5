"""Prometheus and Alertmanager with the project's own configuration, on free ports, in a directory of their own."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

import httpx

from tests.support.ports import free_ports
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
RULE_FILES = tuple(sorted((CONFIG / "prometheus" / "rules").glob("*.yml")))
PORTS = (
    *("ALERTMANAGER_PORT", "ENGINE_PORT", "NODE_EXPORTER_PORT", "PG_EXPORTER_PLATFORM_PORT"),
    *("PG_EXPORTER_STATE_PORT", "PROMETHEUS_PORT", "SANDBOX_PORT", "SANDBOX_SMTP_PORT"),
)


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """Rendered configuration files with the ports that are written in them."""

    directory: Path
    ports: Mapping[str, int]

    @property
    def prometheus(self) -> Path:
        return self.directory / "prometheus" / "prometheus.yml"

    @property
    def alertmanager(self) -> Path:
        return self.directory / "alertmanager" / "alertmanager.yml"

    @property
    def events_dir(self) -> Path:
        return self.directory / "prometheus" / "events"

    @property
    def token_file(self) -> Path:
        return self.directory / "alertmanager" / "engine-token"

    def url(self, port_name: str) -> str:
        return f"http://127.0.0.1:{self.ports[port_name]}"


def render_config(directory: Path) -> Rendered:
    """Render both templates as the stack does, with free ports."""
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    rendered = Rendered(directory=directory, ports=ports)
    (rendered.events_dir / "targets").mkdir(parents=True)
    (rendered.events_dir / "rules").mkdir()
    rendered.alertmanager.parent.mkdir()
    values = {"ROOT": ROOT, "LOCAL_DIR": directory, "EVENTS_DIR": rendered.events_dir, **ports}
    for target in (rendered.prometheus, rendered.alertmanager):
        template = CONFIG / target.parent.name / f"{target.name}.tmpl"
        target.write_text(Template(template.read_text()).substitute(values))
    return rendered


@contextmanager
def background(
    command: Sequence[str | Path], *, log: Path, ready: str, environment: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server for as long as the context lasts; enter it when `ready`, an address, answers 200."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        wait_until(lambda: _answers(process, ready, log), what=f"{command[0]} (log: {log})")
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def running_alertmanager(rendered: Rendered) -> Iterator[str]:
    """Run Alertmanager and return its address."""
    address = rendered.url("ALERTMANAGER_PORT")
    command = (
        "prometheus-alertmanager",
        f"--config.file={rendered.alertmanager}",
        f"--storage.path={rendered.directory / 'alertmanager' / 'data'}",
        f"--web.listen-address={address.removeprefix('http://')}",
        "--cluster.listen-address=",
    )
    with background(command, log=rendered.directory / "alertmanager.log", ready=f"{address}/-/ready"):
        yield address


@contextmanager
def running_prometheus(rendered: Rendered) -> Iterator[str]:
    """Run Prometheus and return its address."""
    address = rendered.url("PROMETHEUS_PORT")
    command = (
        "prometheus",
        f"--config.file={rendered.prometheus}",
        f"--storage.tsdb.path={rendered.directory / 'prometheus' / 'data'}",
        f"--web.listen-address={address.removeprefix('http://')}",
        "--web.enable-lifecycle",
        # What fires before Alertmanager is discovered is dropped, and sent again only after a minute by default.
        "--rules.alert.resend-delay=1s",
    )
    with background(command, log=rendered.directory / "prometheus.log", ready=f"{address}/-/ready"):
        yield address


def _answers(process: "subprocess.Popen[bytes]", address: str, log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"ended at once: {log.read_text()[-2000:]}")
    try:
        return httpx.get(address, timeout=5).is_success
    except httpx.TransportError:
        return False
