"""The generated page: readable, complete, the same on every run."""

import doctest
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tools import dag_docs
from tools.dag_bag import ROOT, DagImportFailed, isolate_airflow, load_dags

DAG_FILE = '''
"""### What it does
Feeds the animals
of the zoo. Twice a day.

### When it fails
```bash
# a comment, no heading
```
"""

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, TriggerRule, dag, task, task_group


@dag(
    schedule=None,
    doc_md=__doc__,
    tags=["zoo", "approval"],
    default_args={"owner": "keepers"},
    params={
        "cage": Param(type="string", description="left | right"),
        "note": Param(None, type=["null", "string"], description="Anything."),
        "dry_run": Param(True, type="boolean", description="Change nothing."),
        "meal": Param(
            type="object", required=["name"],
            properties={"name": {"type": "string"}, "at": {"type": ["null", "string"], "format": "date-time"}},
        ),
    },
)
def feeding():
    @task
    def plan(): ...

    @task(trigger_rule=TriggerRule.ONE_FAILED)
    def clean_up(): ...

    @task_group
    def serve():
        @task
        def carry(): ...

        carry()

    plan() >> ApprovalOperator(task_id="approve", subject="Feed?") >> serve() >> clean_up()


feeding()
'''


@pytest.fixture
def page(tmp_path: Path) -> str:
    (tmp_path / "feeding.py").write_text(DAG_FILE, encoding="utf-8")
    return dag_docs.render_page(load_dags(tmp_path))


def test_the_table_names_schedule_tags_and_purpose(page: str) -> None:
    assert "| [`feeding`](#feeding) | on request | approval, zoo | Feeds the animals of the zoo. |" in page


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (None, "on request"),
        ("0 2 * * *", "`0 2 * * *`"),
        (timedelta(hours=12), "every 12:00:00"),
    ],
)
def test_schedules_read_like_words(schedule: object, text: str) -> None:
    assert dag_docs.schedule_text(schedule) == text


def test_a_timetable_shows_its_expression() -> None:
    isolate_airflow()
    from airflow.sdk import CronTriggerTimetable

    assert dag_docs.schedule_text(CronTriggerTimetable("5 4 * * *", timezone="UTC")) == "`5 4 * * *`"


def test_parameters_show_type_default_and_description(page: str) -> None:
    assert "| `cage` | string | required | left \\| right |" in page
    assert "| `note` | empty or string |  | Anything. |" in page
    assert "| `dry_run` | boolean | `true` | Change nothing. |" in page
    assert "| `meal.name` | string | required |  |" in page
    assert "| `meal.at` | empty or string (date-time) |  |  |" in page


def test_the_graph_shows_order_groups_people_and_failure_paths(page: str) -> None:
    graph = page.split("```mermaid")[1].split("```")[0]
    assert 't_approve{{"approve"}}' in graph
    assert 'subgraph t_serve["serve"]' in graph
    assert 't_clean_up["clean_up<br/><i>one_failed</i>"]' in graph
    edges = [line.strip() for line in graph.splitlines() if "->" in line]
    assert edges == [
        "t_plan --> t_approve",
        "t_approve --> t_serve__carry",
        "t_serve__carry -.-> t_clean_up",
    ]


def test_the_own_documentation_follows_with_headings_that_fit(page: str) -> None:
    assert "### When it fails" in page
    assert "\n# a comment, no heading" in page


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("from airflow.sdk import dag\nraise OSError('no disk')\n", encoding="utf-8")
    with pytest.raises(DagImportFailed, match=r"broken\.py[\s\S]*no disk"):
        load_dags(tmp_path)


def test_check_refuses_an_outdated_page_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dags, page = tmp_path / "dags", tmp_path / "DAGS.md"
    dags.mkdir()
    (dags / "feeding.py").write_text(DAG_FILE, encoding="utf-8")
    monkeypatch.setattr(dag_docs, "DAGS", dags)
    monkeypatch.setattr(dag_docs, "PAGE", page)

    assert dag_docs.main([]) == 0
    assert dag_docs.main(["--check"]) == 0
    page.write_text(page.read_text(encoding="utf-8") + "edited by hand\n", encoding="utf-8")
    assert dag_docs.main(["--check"]) == 1
    assert page.read_text(encoding="utf-8").endswith("edited by hand\n")
    assert "-edited by hand" in capsys.readouterr().err


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(dag_docs).failed == 0


def test_the_page_of_this_project_is_the_same_for_any_hash_seed_and_up_to_date() -> None:
    """Run the command as `make lint` does; two seeds order sets differently."""
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "tools.dag_docs", "--check"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
