"""Configuration of Prometheus and Alertmanager: rendered from `config/`, taken over while they run."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from string import Template

from stack.config import StackConfig
from stack.environment import HOST
from stack.errors import PreparationFailed
from stack.files import write_private

_RELOAD_SECONDS = 10


def render_configuration(config: StackConfig, secrets: Mapping[str, str]) -> None:
    """Fill ports and paths into the templates of Prometheus and Alertmanager.

    Raises:
        PreparationFailed: a template has a placeholder that is not known here.
    """
    values = {name: str(port) for name, port in config.ports.by_variable().items()} | {
        "ROOT": str(config.root),
        "LOCAL_DIR": str(config.local_dir),
        "EVENTS_DIR": str(config.local_dir / "prometheus" / "events"),
    }
    for program in ("prometheus", "alertmanager"):
        template = config.root / "config" / program / f"{program}.yml.tmpl"
        try:
            text = Template(template.read_text()).substitute(values)
        except KeyError as error:
            raise PreparationFailed(f"{template} has an unknown placeholder {error}") from error
        (config.local_dir / program / f"{program}.yml").write_text(text)
    write_private(config.local_dir / "alertmanager" / "engine-token", secrets["ENGINE_ALERT_TOKEN"])


def reload_monitoring(config: StackConfig) -> None:
    """Have both read their configuration and rules again, so that an edit takes effect without a restart.

    Raises:
        PreparationFailed: one refused the new configuration and keeps the old; the message says why.
    """
    for program, port in (("prometheus", config.ports.prometheus), ("alertmanager", config.ports.alertmanager)):
        request = urllib.request.Request(f"http://{HOST}:{port}/-/reload", method="POST")
        try:
            urllib.request.urlopen(request, timeout=_RELOAD_SECONDS).close()  # noqa: S310 - our own http address
        except urllib.error.HTTPError as error:
            raise PreparationFailed(f"{program} refuses its configuration: {error.read().decode()[:300]}") from error
