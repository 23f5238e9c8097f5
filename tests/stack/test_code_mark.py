"""An edit restarts the processes that have loaded the old code, and no others."""

from pathlib import Path

from stack.components import CODE, components
from stack.config import StackConfig
from stack.secrets import load_secrets


def marks(root: Path) -> dict[str, str]:
    config = StackConfig.load({"LOCAL_DIR": str(root / "local")}, root=root)
    config.local_dir.mkdir(exist_ok=True)
    found = components(config, load_secrets(config))
    return {component.name: component.environment[CODE] for component in found if CODE in component.environment}


def test_an_edit_changes_the_mark_of_those_who_loaded_it(tmp_path: Path) -> None:
    for folder in ("include", "plugins", "sandbox"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "code.py").write_text("x = 1\n")
    before = marks(tmp_path)
    assert marks(tmp_path) == before
    (tmp_path / "include" / "code.py").write_text("x = 1000\n")
    after = marks(tmp_path)
    changed = {name for name in before if before[name] != after[name]}
    assert {"engine", "airflow-scheduler", "airflow-api-server"} <= changed
    assert "sandbox" not in changed
