"""An event's archive on disk: one folder with a compressed file of JSON lines per table, and a manifest.

The folder appears under its name only when every byte of it is safely on disk: one that is there is whole, or was
damaged later. Rows are kept as the text in which PostgreSQL writes `jsonb`: numbers and times come back exactly as they
were. The folder can be read by its owner alone, because participants are in it.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from include.events.errors import ArchiveMismatch

FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"
UNFINISHED_SUFFIX = ".unfinished"
OWNER_ONLY = 0o700
CHUNK_BYTES = 1 << 20
# In the order in which they can be loaded: a table comes after those that it refers to.
TABLES = ("event_info", "gates", "access_policies", "notification_settings", "participants", "entry_logs")


@dataclass(frozen=True, kw_only=True)
class TableFile:
    """One table in an archive: the hash of the file as it lies there, and of the lines in it."""

    table: str
    file: str
    rows: int
    file_sha256: str
    rows_sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an archive consists of, and whose it is."""

    format_version: int
    request_id: str
    slug: str
    archived_at: datetime
    tables: tuple[TableFile, ...]

    @property
    def row_counts(self) -> dict[str, int]:
        """Return the number of rows by table."""
        return {table.table: table.rows for table in self.tables}

    @property
    def digests(self) -> dict[str, RowsDigest]:
        """Return what the rows themselves were, to be compared with a database."""
        return {table.table: RowsDigest(rows=table.rows, sha256=table.rows_sha256) for table in self.tables}


@dataclass(frozen=True, kw_only=True)
class RowsDigest:
    """A table's rows in the order of their key: how many, and the SHA-256 of their lines."""

    rows: int
    sha256: str


def digest_rows(lines: Iterable[str]) -> RowsDigest:
    """Return what `lines`, one row each, amount to."""
    digest, rows = hashlib.sha256(), 0
    for line in lines:
        digest.update(f"{line}\n".encode())
        rows += 1
    return RowsDigest(rows=rows, sha256=digest.hexdigest())


def write_archive(
    folder: Path, *, request_id: str, slug: str, archived_at: datetime, read_rows: Callable[[str], Iterable[str]]
) -> Manifest:
    """Write all tables to `folder`, which must not exist; `read_rows` gives a table's rows as JSON, one line each.

    What an earlier try that was killed has left beside it is removed. Raises FileExistsError, OSError on a full disk.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} exists: an archive is never written over")
    folder.parent.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY)
    for left_over in folder.parent.glob(f".*{UNFINISHED_SUFFIX}"):
        shutil.rmtree(left_over)
    unfinished = folder.with_name(f".{folder.name}{UNFINISHED_SUFFIX}")
    unfinished.mkdir(mode=OWNER_ONLY)
    tables = tuple(_write_table(unfinished, table, read_rows(table)) for table in TABLES)
    manifest = Manifest(
        format_version=FORMAT_VERSION, request_id=request_id, slug=slug, archived_at=archived_at, tables=tables
    )
    (unfinished / MANIFEST_NAME).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    _make_durable(unfinished / MANIFEST_NAME)
    _make_durable(unfinished)
    unfinished.rename(folder)
    _make_durable(folder.parent)
    _make_durable(folder.parent.parent)
    return manifest


def verify_archive(folder: Path, *, sha256: str | None = None) -> Manifest:
    """Read an archive from its first to its last byte and return its manifest.

    `sha256` is what the manifest's own hash must be. Raises ArchiveMismatch when anything is missing or different.
    """
    if sha256 is not None and manifest_sha256(folder) != sha256:
        raise ArchiveMismatch(f"{folder / MANIFEST_NAME} is not the one that was written: its SHA-256 is not {sha256}")
    manifest = _read_manifest(folder)
    if tuple(table.table for table in manifest.tables) != TABLES:
        raise ArchiveMismatch(f"{folder} has the tables {', '.join(manifest.row_counts)}, not {', '.join(TABLES)}")
    for table in manifest.tables:
        found = _file_sha256(folder / table.file)
        if found != table.file_sha256:
            raise ArchiveMismatch(f"{folder / table.file} has SHA-256 {found}, written was {table.file_sha256}")
        rows = digest_rows(read_rows(folder, table))
        if rows != RowsDigest(rows=table.rows, sha256=table.rows_sha256):
            raise ArchiveMismatch(f"{folder / table.file} has {rows.rows} rows, {table.rows} others were written")
    return manifest


def manifest_sha256(folder: Path) -> str:
    """Return the manifest's SHA-256, which through the hashes in it vouches for every file."""
    return _file_sha256(folder / MANIFEST_NAME)


def read_rows(folder: Path, table: TableFile) -> Iterator[str]:
    """Yield a table's rows as JSON. Raises ArchiveMismatch for a file that cannot be unpacked."""
    try:
        with gzip.open(folder / table.file, "rt", encoding="utf-8", newline="\n") as file:
            for line in file:
                yield line.removesuffix("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ArchiveMismatch(f"{folder / table.file} cannot be unpacked: {error}") from error


def destroy_archive(folder: Path) -> bool:
    """Delete an archive and return whether it was there; the empty folder above it goes too."""
    if not folder.exists():
        return False
    shutil.rmtree(folder)
    _make_durable(folder.parent)
    if not any(folder.parent.iterdir()):
        folder.parent.rmdir()
    return True


def _write_table(folder: Path, table: str, lines: Iterable[str]) -> TableFile:
    path = folder / f"{table}.jsonl.gz"
    digest, rows = hashlib.sha256(), 0
    # No name and no time inside: the same rows give the same file.
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
        for line in lines:
            encoded = f"{line}\n".encode()
            digest.update(encoded)
            packed.write(encoded)
            rows += 1
    _make_durable(path)
    return TableFile(
        table=table, file=path.name, rows=rows, file_sha256=_file_sha256(path), rows_sha256=digest.hexdigest()
    )


def _read_manifest(folder: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode((folder / MANIFEST_NAME).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise ArchiveMismatch(f"{folder / MANIFEST_NAME} cannot be read: {error}") from error
    if manifest.format_version != FORMAT_VERSION:
        raise ArchiveMismatch(f"{folder} has format {manifest.format_version}, this program reads {FORMAT_VERSION}")
    return manifest


def _file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise ArchiveMismatch(f"{path} cannot be read: {error}") from error
    return digest.hexdigest()


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
