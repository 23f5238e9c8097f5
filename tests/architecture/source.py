"""What the project's source says, read with `ast`: nothing is imported or run."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, kw_only=True)
class Import:
    """One imported module: by whom, where, and its whole dotted name."""

    file: Path
    line: int
    module: str

    def is_from(self, *packages: str) -> bool:
        """Say whether the module is one of *packages* or below one."""
        return any(self.module == package or self.module.startswith(f"{package}.") for package in packages)

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.module}"


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below *folders* of the project, sorted."""
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def tracked_files() -> list[Path]:
    """Return what belongs to the project: files that git knows or would take; in an export without git, all files."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        return sorted(file for file in ROOT.rglob("*") if file.is_file() and ".venv" not in file.parts)
    return sorted(file for name in listed.stdout.split("\0") if name and (file := ROOT / name).is_file())


def imports_of(file: Path) -> Iterator[Import]:
    """Yield every import of *file*, also inside functions and type checking blocks; relative ones made absolute."""
    package = file.relative_to(ROOT).parent.parts
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file=file, line=node.lineno, module=alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield Import(file=file, line=node.lineno, module=module)
            # `from include import engine` imports include.engine.
            for alias in node.names:
                yield Import(file=file, line=node.lineno, module=f"{module}.{alias.name}")


@cache
def parse(file: Path) -> ast.Module:
    """Return the syntax tree of *file*."""
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
