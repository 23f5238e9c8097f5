"""Puts the Ops Console under `/console` and a link to it into Airflow's menu."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

URL_PREFIX = "/console"


def _console_path() -> str:
    """Return the console's path as the browser sees it: behind a prefix when `[api] base_url` has one."""
    return urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/") + URL_PREFIX


class OpsConsolePlugin(AirflowPlugin):
    """The console's FastAPI application and its entry in the navigation."""

    name = "ops_console"

    # Airflow reads these off an instance and never sets them.
    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Build the application when the api-server asks for it; every other Airflow process loads this file too."""
        from ops_console.airflow_login import FabLogin
        from ops_console.app import create_console

        return [{"name": "Ops Console", "app": create_console(login=FabLogin()), "url_prefix": URL_PREFIX}]

    @cached_property
    def fastapi_root_middlewares(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Let people leave the slash out."""
        from ops_console.trailing_slash import AddTrailingSlash

        return [{"name": "Ops Console", "middleware": AddTrailingSlash, "kwargs": {"path": _console_path()}}]

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Show the operators' page inside Airflow's own frame, at the top level of its menu."""
        console_path = _console_path()
        return [
            {
                "name": "Ops Console",
                "href": f"{console_path}/",
                "destination": "nav",
                "url_route": "ops-console",
                "nav_top_level": True,
                "icon": f"{console_path}/static/icon.svg",
                "icon_dark_mode": f"{console_path}/static/icon-dark.svg",
            }
        ]
