"""Render Prometheus' and Alertmanager's configuration for containers: ``python -m deploy.render_config [DIRECTORY]``.

The templates below ``config/`` are the local stack's: every service answers on 127.0.0.1 at a port from ``.env``.
Between containers each has a name instead. Only addresses differ, so rules, routes and inhibitions cannot drift apart.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path("/etc/platform-ops")
EVENTS = Path("/var/lib/platform-ops/events")

# The service and port in docker-compose.yaml that stand for a local port. The sandbox keeps its port inside as well:
# its addresses are opened by browsers and by containers.
ADDRESSES = {
    "ALERTMANAGER_PORT": "alertmanager:9093",
    "ENGINE_PORT": "engine:18090",
    "NODE_EXPORTER_PORT": "node-exporter:9100",
    "PG_EXPORTER_PLATFORM_PORT": "postgres-exporter-platform:9187",
    "PG_EXPORTER_STATE_PORT": "postgres-exporter-state:9187",
    "PROMETHEUS_PORT": "prometheus:9090",
    "SANDBOX_PORT": f"sandbox:{os.environ.get('SANDBOX_PORT', '18100')}",
    "SANDBOX_SMTP_PORT": "sandbox:11025",
}
LOCAL_ADDRESS = re.compile(r"127\.0\.0\.1:\$\{(\w+)\}")


class NotRendered(Exception):
    """A template names an address or a value that containers do not have."""


def main(target: Path = TARGET) -> int:
    """Write both files and Alertmanager's token below *target*; return the exit code."""
    values = {"ROOT": str(ROOT), "LOCAL_DIR": str(TARGET), "EVENTS_DIR": str(EVENTS)}
    try:
        for service in ("prometheus", "alertmanager"):
            template = ROOT / "config" / service / f"{service}.yml.tmpl"
            _write(target / service / f"{service}.yml", render(template.read_text(encoding="utf-8"), values))
        _write_token(target / "alertmanager" / "engine-token")
    except NotRendered as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def render(template: str, values: Mapping[str, str]) -> str:
    """Return *template* with local addresses replaced by service names and *values* filled in.

    Raises:
        NotRendered: an address has no service, a placeholder no value, or something still points at this machine.
    """
    try:
        named = LOCAL_ADDRESS.sub(lambda match: ADDRESSES[match[1]], template)
        text = Template(named).substitute(values)
    except KeyError as error:
        raise NotRendered(f"no value for {error.args[0]}: add it to {__name__}") from error
    if "127.0.0.1" in text:
        raise NotRendered("an address of the local machine is left in the rendered configuration")
    return text


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _write_token(path: Path) -> None:
    _write(path, os.environ["ENGINE_ALERT_TOKEN"])


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
