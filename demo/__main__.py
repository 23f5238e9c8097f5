"""`python -m demo`: play the customer and the approvers against the local stack, and say whether all is well."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime

import httpx
from rich.console import Console as Terminal

from demo.clients import TIMEOUT_SECONDS, AirflowUser, Console, checked
from demo.requests import demo_requests
from demo.run import Cast, run
from demo.world import Addresses
from include.store import api_keys
from include.store.connection import connect
from stack.config import StackConfig
from stack.environment import HOST, postgres_uri
from stack.secrets import load_secrets, user_password_variable

CUSTOMER_ID = "demo-hanbit"
LINE_WIDTH = 140  # where no terminal says how wide it is


def main() -> int:
    """Run the demo; return the exit status: 0 only when everything is as it should be."""
    config = StackConfig.load()
    secrets = load_secrets(config)
    airflow = f"http://{HOST}:{config.ports.airflow_api}"
    sandbox = f"http://{HOST}:{config.ports.sandbox}"
    terminal = Terminal(width=None if sys.stdout.isatty() else LINE_WIDTH)

    dsn = postgres_uri(config, secrets, cluster="state", user="ops_migrator", database="ops")
    with connect(dsn, application_name="demo", autocommit=True) as ops:
        issued = api_keys.issue(
            ops,
            customer_id=CUSTOMER_ID,
            name="한빛공연기획",
            email="minji.kim@hanbit-live.example",
            note="demo",
            actor="demo",
        )
    people = {
        name: AirflowUser(base_url=airflow, username=name, password=secrets[user_password_variable(name)])
        for name in ("manager1", "executive1", "operator1")
    }
    customer = Console(base_url=airflow, key=issued.key)
    listed = httpx.get(
        f"{airflow}/console/api/events",
        params={"limit": 200},
        headers={"Authorization": f"Bearer {issued.key}"},
        timeout=TIMEOUT_SECONDS,
    )
    earlier = {item["request_id"].split("-")[1] for item in checked(listed, 200).json()["events"]}

    started = time.monotonic()
    problems = run(
        demo_requests(now=datetime.now(UTC), run=f"{int(time.time()):x}", earlier_runs=len(earlier)),
        cast=Cast(customer=customer, people=people, intruder=people["operator1"]),
        addresses=Addresses(
            airflow=airflow,
            prometheus=f"http://{HOST}:{config.ports.prometheus}",
            sandbox=sandbox,
            kubernetes_token=secrets["SANDBOX_KUBERNETES_TOKEN"],
        ),
        terminal=terminal,
    )
    for problem in problems:
        terminal.print(f"[red]not as it should be:[/red] {problem}")
    if not problems:
        terminal.print(f"[green]All as it should be[/green], {time.monotonic() - started:.0f} s.")
    terminal.print(
        f"\nConsole    {airflow}/console/\nAirflow    {airflow}/  (admin / {secrets[user_password_variable('admin')]})"
        f"\nWhat was sent: mail {sandbox}/mail  SMS {sandbox}/sms  Slack {sandbox}/slack"
        f"\nYour turn  {airflow}/console/request  with the API key {issued.key}"
        "\nStop all   make down"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
