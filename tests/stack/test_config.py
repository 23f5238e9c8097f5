"""Settings of the local stack: where they come from and what is refused."""

from pathlib import Path

import pytest

from stack.config import Ports, StackConfig, read_env_file
from stack.errors import InvalidSetting


def test_defaults_without_any_file(tmp_path: Path) -> None:
    config = StackConfig.load(root=tmp_path)

    assert config.ports == Ports()
    assert config.local_dir == tmp_path / ".local"
    assert (config.seed_rows, config.seed) == (200_000, 20240301)


def test_env_file_is_beaten_by_the_environment_and_both_by_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("ENGINE_PORT=20001\nSANDBOX_PORT=20002\nPROMETHEUS_PORT=20003\n")
    monkeypatch.setenv("SANDBOX_PORT", "30002")
    monkeypatch.setenv("PROMETHEUS_PORT", "30003")

    ports = StackConfig.load({"PROMETHEUS_PORT": "40003"}, root=tmp_path).ports

    assert (ports.engine, ports.sandbox, ports.prometheus) == (20001, 30002, 40003)


def test_our_variables_of_the_env_file_reach_the_processes_and_foreign_ones_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text('PLATFORM_OPS_TIMEZONE="UTC"\nAIRFLOW_CONN_SLACK_DEFAULT={"a": "b"}\nEDITOR=vi\n')
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "somebody else's")

    extra = StackConfig.load(root=tmp_path).extra

    assert extra == {"PLATFORM_OPS_TIMEZONE": "UTC", "AIRFLOW_CONN_SLACK_DEFAULT": '{"a": "b"}'}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"ENGINE_PORT": "eighty"}, "ENGINE_PORT='eighty' is not a whole number"),
        ({"ENGINE_PORT": "80"}, "ENGINE_PORT=80 is not a port from 1024"),
        ({"ENGINE_PORT": "18100"}, "ENGINE_PORT and SANDBOX_PORT are both 18100"),
        ({"SEED_ROWS": "-5"}, "SEED_ROWS='-5' is not a whole number"),
    ],
)
def test_a_bad_value_is_named(tmp_path: Path, overrides: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidSetting, match=message):
        StackConfig.load(overrides, root=tmp_path)


def test_a_broken_line_of_the_env_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# ports\n\nENGINE_PORT 18090\n")

    with pytest.raises(InvalidSetting, match=r"\.env:3: expected NAME=value"):
        read_env_file(tmp_path / ".env")


def test_the_example_shows_every_default() -> None:
    example = read_env_file(Path(__file__).parents[2] / ".env.example")

    ports = {name: int(value) for name, value in example.items() if name.endswith("_PORT")}
    assert ports == Ports().by_variable()
    assert (example["LOCAL_DIR"], example["SEED_ROWS"], example["SEED"]) == (".local", "200000", "20240301")


def test_socket_of_a_deep_checkout_stays_short(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)

    assert len(str(StackConfig.load({"LOCAL_DIR": str(deep)}).supervisor_socket)) < 100
