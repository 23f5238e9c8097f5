"""The anchor of `provisioning`: as many tasks in a row as a small event needs, each of which does nothing."""

from __future__ import annotations

from airflow.sdk import dag, task

TASKS_IN_A_ROW = 11


@dag(schedule=None, max_active_runs=1000, max_active_tasks=1000)
def benchmark_empty_chain() -> None:
    """Wire the empty tasks."""

    @task
    def nothing() -> None:
        return None

    previous = nothing.override(task_id="task_1")()
    for number in range(2, TASKS_IN_A_ROW + 1):
        current = nothing.override(task_id=f"task_{number}")()
        previous >> current
        previous = current


benchmark_empty_chain()
