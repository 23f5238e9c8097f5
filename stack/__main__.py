"""Command line of the local stack: `python -m stack up | down | status | logs | usage | run`."""

import argparse
import os
import sys
from collections.abc import Sequence

from stack import usage
from stack.components import components
from stack.config import MARKER, StackConfig
from stack.environment import HOST, airflow_environment
from stack.errors import StackError
from stack.lifecycle import down, up
from stack.progress import Progress
from stack.secrets import SERVICE_ACCOUNTS, USERS, load_secrets, secrets_file, user_password_variable
from stack.status import status, table
from stack.supervisor import Supervisor

NOT_RUNNING = 3  # as LSB's init scripts say it
_NOT_RUNNING = "The stack is not running: `make up` starts it."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 1 with one line on stderr when it cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(StackConfig.load(), options))
    except StackError as error:
        print(f"{options.command}: {error}", file=sys.stderr)
    except OSError as error:  # a full disk, a directory that may not be written
        print(f"{options.command}: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"{options.command}: interrupted; `make down` stops what was started", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start what is down; return when everything answers").set_defaults(run=_up)
    commands.add_parser("down", help="stop everything").set_defaults(run=_down)
    commands.add_parser("status", help="show each process").set_defaults(run=_status)
    logs = commands.add_parser("logs", help="follow the logs")
    logs.add_argument("names", nargs="*", help="components (default: all)")
    logs.set_defaults(run=_logs)
    figures = commands.add_parser("usage", help="measure memory and processor time per component")
    figures.add_argument("--seconds", type=float, default=30)
    figures.set_defaults(run=_usage)
    run = commands.add_parser("run", help="run a command in Airflow's environment, as its tasks have it")
    run.add_argument("arguments", nargs=argparse.REMAINDER)
    run.set_defaults(run=_run)
    return parser


def _up(config: StackConfig, _: argparse.Namespace) -> int:
    progress = Progress()
    up(config, progress=progress)
    progress.line("everything answers")
    print(_summary(config))
    return 0


def _down(config: StackConfig, _: argparse.Namespace) -> int:
    left = down(config, progress=Progress())
    print("stopped" + (f"; {left} processes had to be found and ended one by one" if left else ""))
    return 0


def _status(config: StackConfig, _: argparse.Namespace) -> int:
    rows = status(config)
    if not rows or all(row.health == "down" for row in rows):
        print(_NOT_RUNNING)
        return NOT_RUNNING
    print(table(rows))
    return 0 if all(row.is_healthy for row in rows) else 1


def _logs(config: StackConfig, options: argparse.Namespace) -> int:
    names = options.names or [each.name for each in components(config, load_secrets(config))]
    files = [str(config.log_dir / f"{name}.log") for name in names]
    os.execvp("tail", ["tail", "-n", "20", "-F", *files])  # noqa: S606 - no shell is wanted


def _usage(config: StackConfig, options: argparse.Namespace) -> int:
    if not Supervisor(config).is_running():
        print(_NOT_RUNNING)
        return NOT_RUNNING
    print(usage.table(usage.measure(config, seconds=options.seconds)))
    return 0


def _run(config: StackConfig, options: argparse.Namespace) -> int:
    environment = airflow_environment(config, load_secrets(config), ops_login="ops_tasks")
    del environment[MARKER]  # `down` ends what carries it, and this belongs to whoever called it
    os.execvpe(options.arguments[0], options.arguments, environment)  # noqa: S606 - no shell is wanted


def _summary(config: StackConfig) -> str:
    secrets = load_secrets(config)
    airflow = f"http://{HOST}:{config.ports.airflow_api}"
    sandbox = f"http://{HOST}:{config.ports.sandbox}"
    addresses = {
        "Airflow": airflow,
        "Console": f"{airflow}/console/",
        "Request form": f"{airflow}/console/request",
        "Sent mail, texts, chat": f"{sandbox}/mail  {sandbox}/sms  {sandbox}/slack",
        "Prometheus": f"http://{HOST}:{config.ports.prometheus}",
        "Alertmanager": f"http://{HOST}:{config.ports.alertmanager}",
    }
    people = {name: role for name, role in USERS.items() if name not in SERVICE_ACCOUNTS}
    lines = ["", *(f"  {what:<24}{address}" for what, address in addresses.items()), ""]
    lines += [f"  {'Log in as':<16}{'role':<12}password"]
    lines += [f"  {name:<16}{role.lower():<12}{secrets[user_password_variable(name)]}" for name, role in people.items()]
    return "\n".join([*lines, f"\n  All secrets: {secrets_file(config)}"])


if __name__ == "__main__":
    raise SystemExit(main())
