"""Airflow's scheduler with the libraries of the tasks already loaded: `python -m stack.scheduler [options]`.

LocalExecutor forks its workers from the scheduler and each task from a worker, so what is imported here is there at
once in every task and lies in memory once. Otherwise each task that talks to Kubernetes spends 1.2 s of processor
time on importing that client alone, and each worker imports the task runner again.

Only libraries: our own code is read by each task anew, so that an edit needs no restart.
"""

import importlib
import runpy
import sys

PRELOADED = (
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.providers.cncf.kubernetes.hooks.kubernetes",
    "airflow.providers.slack.notifications.slack",
    "airflow.providers.smtp.hooks.smtp",
    "airflow.providers.standard.operators.hitl",
    "airflow.providers.standard.operators.python",
    "httpx",
    "jinja2",
    "psycopg",
    "pydantic_settings",
)


def main() -> None:
    """Import the libraries, then become the scheduler."""
    for name in PRELOADED:
        importlib.import_module(name)
    sys.argv = ["airflow", "scheduler", *sys.argv[1:]]
    runpy.run_module("airflow", run_name="__main__")


if __name__ == "__main__":
    main()
