"""Archives on disk: whole or not there, and every kind of damage is found."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.events import archive
from include.events.archive import MANIFEST_NAME, TABLES, Manifest, destroy_archive, read_rows, verify_archive
from include.events.errors import ArchiveMismatch

ARCHIVED_AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ROWS = {table: [json.dumps({"table": table, "n": n, "이름": "홍길동\u2028\n"}) for n in range(5)] for table in TABLES}


def write(folder: Path, rows: Callable[[str], Iterator[str]] = lambda table: iter(ROWS[table])) -> Manifest:
    return archive.write_archive(folder, request_id="r-1", slug="abc", archived_at=ARCHIVED_AT, read_rows=rows)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "abc" / "1"
    manifest = write(folder)
    assert verify_archive(folder, sha256=archive.manifest_sha256(folder)) == manifest
    assert manifest.archived_at == ARCHIVED_AT
    assert manifest.row_counts == dict.fromkeys(TABLES, 5)
    assert {table.table: list(read_rows(folder, table)) for table in manifest.tables} == ROWS


def test_the_same_rows_give_the_same_archive(tmp_path: Path) -> None:
    assert write(tmp_path / "abc" / "1") == write(tmp_path / "abc" / "2")


def test_an_archive_is_never_written_over(tmp_path: Path) -> None:
    write(tmp_path / "abc" / "1")
    with pytest.raises(FileExistsError):
        write(tmp_path / "abc" / "1")


def test_one_that_was_not_finished_is_none_and_goes_with_the_next(tmp_path: Path) -> None:
    def dies(table: str) -> Iterator[str]:
        yield from ROWS[table]
        if table == "participants":
            raise KeyboardInterrupt

    folder = tmp_path / "abc" / "1"
    with pytest.raises(KeyboardInterrupt):
        write(folder, dies)
    assert not folder.exists()
    write(tmp_path / "abc" / "2")
    assert [path.name for path in (tmp_path / "abc").iterdir()] == ["2"]


@pytest.mark.parametrize("name", [MANIFEST_NAME, *(f"{table}.jsonl.gz" for table in TABLES)])
def test_every_changed_byte_of_every_file_is_found(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "abc" / "1"
    write(folder)
    sha256 = archive.manifest_sha256(folder)
    path = folder / name
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(ArchiveMismatch):
            verify_archive(folder, sha256=sha256)
    path.write_bytes(whole)
    verify_archive(folder, sha256=sha256)


@pytest.mark.parametrize("name", [MANIFEST_NAME, "gates.jsonl.gz"])
def test_a_missing_and_a_cut_file_are_found(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "abc" / "1"
    write(folder)
    path = folder / name
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ArchiveMismatch):
        verify_archive(folder)
    path.unlink()
    with pytest.raises(ArchiveMismatch):
        verify_archive(folder)


def test_a_file_that_cannot_be_unpacked_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "abc" / "1"
    manifest = write(folder)
    (folder / "gates.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(ArchiveMismatch, match="gates"):
        list(read_rows(folder, manifest.tables[1]))


def test_what_is_destroyed_is_gone_and_can_be_destroyed_again(tmp_path: Path) -> None:
    write(tmp_path / "abc" / "1")
    write(tmp_path / "abc" / "2")
    assert destroy_archive(tmp_path / "abc" / "1")
    assert not destroy_archive(tmp_path / "abc" / "1")
    assert (tmp_path / "abc" / "2").exists()
    assert destroy_archive(tmp_path / "abc" / "2")
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=("Cs",)))))
def test_a_digest_tells_rows_from_other_rows(lines: list[str]) -> None:
    digest = archive.digest_rows(lines)
    assert digest.rows == len(lines)
    assert archive.digest_rows([*lines, ""]) != digest
    assert lines == lines[::-1] or archive.digest_rows(lines[::-1]) != digest
