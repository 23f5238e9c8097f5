"""Airflow imports this module at the start of each of its processes.

A task runs in a process forked from its worker, which the scheduler (LocalExecutor) or the Celery worker forked
before. What the parent has imported, every task has without importing it: the Kubernetes provider alone costs about
two seconds of CPU per task. The parents are told by `PLATFORM_OPS_PRELOAD`; the other processes stay small.
"""

import importlib
import os

PRELOADED = (
    "airflow.providers.cncf.kubernetes.hooks.kubernetes",
    "airflow.providers.slack.notifications.slack_webhook",
    "airflow.providers.smtp.notifications.smtp",
    "airflow.providers.standard.operators.hitl",
    "include.approvals.process",
    "include.events.planning",
    "include.events.provision",
    "include.events.rollback",
    "platform_ops.world",
)

if os.environ.get("PLATFORM_OPS_PRELOAD") == "1":
    for _module in PRELOADED:
        importlib.import_module(_module)
