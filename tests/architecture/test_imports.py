"""Imports go one way: dags → plugins → include. Stand-ins and tools are imported by none of the three."""

import pytest

from tests.architecture.source import ROOT, imports_of, python_files

PLUGINS = ("platform_ops", "ops_console", "platform_ops_plugin", "ops_console_plugin", "plugins")
DEVELOPMENT = ("sandbox", "stack", "tests", "tools", "benchmarks", "demo")
# Each costs 0.2 to 2 s of CPU: inside the task, never while a DAG file is parsed.
HEAVY = ("kubernetes", "numpy", "pandas", "prophet", "pyarrow", "sklearn", "statsmodels", "torch", "twilio")

FORBIDDEN = {
    "include": ("airflow", "airflow_shared", "dags", *PLUGINS, *DEVELOPMENT),
    "plugins": ("dags", *DEVELOPMENT),
    "dags": DEVELOPMENT,
    "sandbox": ("airflow", "dags", "stack", "tests", *PLUGINS),
}


@pytest.mark.parametrize(("folder", "forbidden"), FORBIDDEN.items())
def test_nothing_is_imported_against_the_direction(folder: str, forbidden: tuple[str, ...]) -> None:
    wrong = [str(found) for file in python_files(folder) for found in imports_of(file) if found.is_from(*forbidden)]
    assert not wrong, "\n".join(wrong)


def test_dag_files_import_no_heavy_library() -> None:
    wrong = [str(found) for file in python_files("dags") for found in imports_of(file) if found.is_from(*HEAVY)]
    assert not wrong, "\n".join(wrong)


def test_airflow_loads_only_the_plugin_files() -> None:
    """Airflow's loader imports every .py below plugins/ under its bare name, unless its folder is listed as ignored."""
    packages = {file.parent.name for file in python_files("plugins") if file.parent.parent == ROOT / "plugins"}
    ignored = (ROOT / "plugins" / ".airflowignore").read_text(encoding="utf-8")
    assert packages
    assert {name for name in packages if f"{name}/" not in ignored.split()} == set()
