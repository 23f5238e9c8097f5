"""What every DAG must have, whoever wrote it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.architecture.source import ROOT, python_files
from tools.dag_bag import load_dags

if TYPE_CHECKING:
    from airflow.sdk import DAG

FILES = python_files("dags")
DAG_IDS = [file.stem for file in FILES if not file.stem.startswith("_")]

# The questions of someone on call at night. DESIGN: "doc_md reads as the runbook".
RUNBOOK_SECTIONS = ("What it does", "When", "What it changes", "Example", "When it fails", "Owner")


@pytest.fixture(scope="session")
def dags() -> Mapping[str, "DAG"]:
    return load_dags()


@pytest.fixture(params=DAG_IDS)
def dag(request: pytest.FixtureRequest, dags: Mapping[str, "DAG"]) -> "DAG":
    assert request.param in dags, f"no DAG is called like its file {request.param}.py"
    return dags[request.param]


def test_every_file_holds_one_dag_of_its_name(dags: Mapping[str, "DAG"]) -> None:
    assert sorted(dags) == sorted(DAG_IDS)
    assert {dag_id: Path(dag.fileloc).stem for dag_id, dag in dags.items()} == {dag_id: dag_id for dag_id in DAG_IDS}


def test_the_documentation_is_a_runbook(dag: "DAG") -> None:
    headings = [line.lstrip("#").strip() for line in (dag.doc_md or "").splitlines() if re.match(r"#+ ", line)]
    missing = [
        section
        for section in RUNBOOK_SECTIONS
        if not any(heading.casefold().startswith(section.casefold()) for heading in headings)
    ]
    assert not missing, f"{dag.dag_id}: the doc_md has no section {missing}; it has {headings}"


def test_every_task_has_the_owner(dag: "DAG") -> None:
    from platform_ops.dag_defaults import OWNER

    assert {task.owner for task in dag.tasks} == {OWNER}


def test_tags_are_from_the_enum_and_name_the_folder(dag: "DAG") -> None:
    from platform_ops.tags import Tag

    tags = {Tag(tag) for tag in dag.tags}  # an unknown tag is a ValueError that names it
    assert tags & Tag.domains() == {Tag(Path(dag.fileloc).parent.name)}


def test_every_task_retries_by_the_shared_policy(dag: "DAG") -> None:
    from platform_ops.dag_defaults import RETRY_POLICY

    wrong = [task.task_id for task in dag.tasks if task.retry_policy is not RETRY_POLICY or not _retries(task)]
    assert not wrong


def test_nothing_is_caught_up(dag: "DAG") -> None:
    assert dag.catchup is False


def test_parameters_are_described(dag: "DAG") -> None:
    assert [name for name in dag.params if not dag.params.get_param(name).description] == []


def test_dag_files_hold_wiring_only() -> None:
    """House style: DAG files about 90 lines, 200 at most, docstring included."""
    long = {str(file.relative_to(ROOT)): lines for file in FILES if (lines := _lines(file)) > 200}
    assert not long


def _retries(task: Any) -> bool:
    return bool(task.retries and task.retries > 0)


def _lines(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())
