"""What holds for every source file: documented, and free of what only its author's machine knows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, parse, python_files, tracked_files

DOCUMENTED = python_files("include", "plugins")
GENERATED = {"requirements.lock"}
TEXT_SUFFIXES = {
    ".cfg", ".conf", ".css", ".env", ".example", ".html", ".ini", ".js", ".json", ".lock", ".md", ".py", ".sh",
    ".sql", ".svg", ".toml", ".txt", ".yaml", ".yml",
}  # fmt: skip
LEFT_OVERS = {
    "a note to finish later": r"\b(TODO|FIXME|XXX|HACK|WIP)\b",
    "somebody's home": r"(?<![\w.])/(home/(?!airflow\b)[a-z]\w*|root|Users)/",
    "a working copy's path": r"(?<![\w./])" + re.escape(str(ROOT)) + r"(?![\w-])",
    "an unresolved merge": r"^(<{7}|>{7}) ",
    "a debugger": r"\b(breakpoint\(\)|pdb\.set_trace)",
}


@pytest.mark.parametrize("file", DOCUMENTED, ids=lambda file: str(file.relative_to(ROOT)))
def test_public_names_have_a_docstring(file: Path) -> None:
    bare = [f"{file.name}:{node.lineno} {name}" for name, node in _public(parse(file)) if not ast.get_docstring(node)]
    assert not bare, "\n".join(bare)


@pytest.mark.parametrize(("what", "pattern"), LEFT_OVERS.items())
def test_nothing_was_left_over(what: str, pattern: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for file in _text_files()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(pattern, line)
    ]
    assert not found, f"{what}:\n" + "\n".join(found)


def test_tests_never_wait_for_a_fixed_time() -> None:
    """They wait for a state with a limit (`tests/support/waiting.py`)."""
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in python_files("tests")
        if "support" not in file.parts
        for node in ast.walk(parse(file))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep", "asyncio.sleep"}
    ]
    assert not found, "\n".join(found)


def _public(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]]:
    """Yield public functions and classes with their public methods."""
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        yield node.name, node
        if isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and not method.name.startswith("_"):
                    yield f"{node.name}.{method.name}", method


def _text_files() -> list[Path]:
    here = Path(__file__)
    return [
        file
        for file in tracked_files()
        if file != here
        and file.name not in GENERATED
        and (file.suffix in TEXT_SUFFIXES or file.name in {"Makefile", "Dockerfile", "run"})
    ]
