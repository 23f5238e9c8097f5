"""What the pages say exists: links, commands, modules, settings, connections."""

import importlib.util
import re
from pathlib import Path

import pytest

from include.settings import Settings
from stack.components import components
from stack.config import StackConfig
from stack.secrets import load_secrets
from tests.architecture.source import ROOT, tracked_files

PAGES = [file for file in tracked_files() if file.suffix == ".md" and "templates" not in file.parts]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(_without_code(page.read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    """Every `make …` and `python -m …` that a page tells people to run."""
    text = page.read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", text, flags=re.MULTILINE)) <= targets
    modules = set(re.findall(r"python3? -m ([a-z_.]+\w)", text))
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_exist(page: Path) -> None:
    known = {f"PLATFORM_OPS_{name.upper()}" for name in Settings.model_fields} | {"PLATFORM_OPS_STACK"}
    named = set(re.findall(r"\bPLATFORM_OPS_[A-Z_]+[A-Z]\b(?!_)", page.read_text(encoding="utf-8")))
    assert named <= known


def test_the_readme_lists_exactly_the_connections_of_a_task(tmp_path: Path) -> None:
    config = StackConfig.load({"LOCAL_DIR": str(tmp_path)})
    (scheduler,) = (part for part in components(config, load_secrets(config)) if part.name == "airflow-scheduler")
    generated = {
        name.removeprefix("AIRFLOW_CONN_").lower() for name in scheduler.environment if name.startswith("AIRFLOW_CONN_")
    }
    section = README.split("## Connections")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)) == generated


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "adr"
    pages = {page.name for page in folder.glob("0*.md")}
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\((0[\w-]+\.md)\)", index)) == pages
    assert len({name[:4] for name in pages}) == len(pages), "two decisions have one number"


def _without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
