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


@pytest.mark.parametrize("shift_seconds", [-EVALUATION_SECONDS, EVALUATION_SECONDS])
@pytest.mark.parametrize("file", RULE_FILES, ids=lambda file: file.stem)
def test_the_unit_tests_notice_waits_that_are_one_evaluation_off(
    file: Path, shift_seconds: int, tmp_path: Path
) -> None:
    text = file.read_text()
    waiting = {rule["alert"] for group in yaml.safe_load(text)["groups"] for rule in group["rules"] if "for" in rule}
    shifted = re.sub(r"\bfor: (\w+)", lambda wait: f"for: {_seconds(wait[1]) + shift_seconds}s", text)
    output = _run_tests_of(file.name, shifted, tmp_path)
    assert set(re.findall(r'alertname=\\?"(\w+)', output)) == waiting


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


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * {"s": 1, "m": 60}[duration[-1]]


def _run_tests_of(name: str, rules_text: str, directory: Path) -> str:
    """Run the unit tests of a rule file on other rules and return what promtool says."""
    for folder, text in (
        ("rules", rules_text),
        ("tests", (CONFIG / "prometheus" / "tests" / name).read_text()),
    ):
        (directory / folder).mkdir()
        (directory / folder / name).write_text(text)
    done = promtool("test", "rules", directory / "tests" / name)
    return done.stdout + done.stderr
