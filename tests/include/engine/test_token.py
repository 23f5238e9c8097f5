"""The file with the token that Alertmanager shows to the engine."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from include.engine.errors import CannotStart
from include.engine.token import read_or_create_token


def test_it_is_drawn_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "token"
    token = read_or_create_token(path)
    assert read_or_create_token(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["token"]


def test_engines_that_start_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(read_or_create_token, [tmp_path / "token"] * 8))
    assert len(tokens) == 1


def test_one_that_was_given_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("given\n")
    assert read_or_create_token(path) == "given"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch()
    with pytest.raises(CannotStart, match="is empty"):
        read_or_create_token(path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="PLATFORM_OPS_ALERT_TOKEN_FILE"):
        read_or_create_token(tmp_path / "file" / "token")
