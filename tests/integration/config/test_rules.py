"""The alert rules: valid, unit-tested to the second, labelled by one table, each with its runbook."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.monitoring import CONFIG, ROOT, RULE_FILES, render_config

TEST_FILES = sorted((CONFIG / "prometheus" / "tests").glob("*.yml"))
PRIORITY = {"critical": "P1", "warning": "P2", "info": "P5"}
ANNOTATIONS = {"summary", "description", "impact", "action", "runbook"}
EVALUATION_SECONDS = 15


def rules() -> list[dict[str, Any]]:
    groups = [group for file in RULE_FILES for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)


def test_the_configuration_and_all_rules_are_valid(tmp_path: Path) -> None:
    done = promtool("check", "config", render_config(tmp_path).prometheus)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULE_FILES)} rule files found" in done.stdout


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_the_rules_pass_their_unit_tests(file: Path) -> None:
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_is_unit_tested() -> None:
    tested = set(re.findall(r'alertname="(\w+)"', "".join(file.read_text() for file in TEST_FILES)))
    assert {rule["alert"] for rule in rules()} == tested


@pytest.mark.parametrize("file", RULE_FILES, ids=lambda file: file.stem)
def test_the_unit_tests_notice_a_wait_that_is_one_evaluation_off(file: Path, tmp_path: Path) -> None:
    unnoticed = []
    text = file.read_text()
    for wait in re.finditer(r"\bfor: (\d+)([sm])\n", text):
        seconds = int(wait[1]) * (60 if wait[2] == "m" else 1)
        for changed in (seconds - EVALUATION_SECONDS, seconds + EVALUATION_SECONDS):
            mutant = f"{text[: wait.start()]}for: {changed}s\n{text[wait.end() :]}"
            if _passes_its_tests(file.name, mutant, tmp_path):
                unnoticed.append(f"line {text.count(chr(10), 0, wait.start()) + 1}: {changed} s")
    assert not unnoticed


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_a_rule_is_labelled_by_the_table_and_says_what_to_do(rule: dict[str, Any]) -> None:
    labels = rule["labels"]
    assert labels["priority"] == PRIORITY[labels["severity"]]
    assert labels["team"]
    assert set(rule["annotations"]) == ANNOTATIONS
    assert all(rule["annotations"].values())
    assert rule["annotations"]["runbook"] == f"docs/runbooks/{rule['alert']}.md"
    assert (ROOT / rule["annotations"]["runbook"]).read_text().startswith(f"# {rule['alert']}\n")


def test_no_runbook_is_left_over() -> None:
    assert {file.stem for file in (ROOT / "docs" / "runbooks").glob("*.md")} == {rule["alert"] for rule in rules()}


def test_what_concerns_ourselves_is_marked() -> None:
    groups = yaml.safe_load((CONFIG / "prometheus" / "rules" / "self.yml").read_text())["groups"]
    assert {rule["labels"].get("scope") for group in groups for rule in group["rules"]} == {"self"}


def _passes_its_tests(name: str, rules_text: str, directory: Path) -> bool:
    for folder in ("rules", "tests"):
        (directory / folder).mkdir(exist_ok=True)
    (directory / "rules" / name).write_text(rules_text)
    test_file = directory / "tests" / name
    test_file.write_text((CONFIG / "prometheus" / "tests" / name).read_text())
    return promtool("test", "rules", test_file).returncode == 0
