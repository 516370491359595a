"""The run folder: one folder a stage, sealed Parquet parts, manifests written last, one writing process.

    RUN/recipe.yaml            the resolved recipe
    RUN/<stage>/               a sealed stage: parts, files, manifest.json (deterministic), clock.json (not)
    RUN/<stage>.partial/       a stage under way; its sealed parts are kept by a rerun with the same fingerprint
    RUN/ledger/                completions of served teachers; survives every redo

Every file is written under a temporary name, synced and renamed, so a process killed anywhere leaves either the old
state or the new one. A stage counts as sealed when its folder has a manifest.
"""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from potstill.errors import BusyError, StoreError
from potstill.records import SCHEMA, content_key

if typing.TYPE_CHECKING:
    import pyarrow as pa

R = TypeVar("R")
PART_ROWS = 1000
MANIFEST, BEGUN, CLOCK = "manifest.json", "begun.json", "clock.json"
SCRATCH = "scratch"
"""Folder of a stage under way for what only a rerun needs, such as checkpoints; it goes when the stage is sealed."""
_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up", errno.EFBIG: "file too large"}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the path and the remedy when the operating system refuses a write."""
    try:
        yield
    except OSError as error:
        raise StoreError(refusal(error, path)) from error


def refusal(error: OSError, path: Path | str = "") -> str:
    """Return one line for a refused read or write: what, where, what to do."""
    where = error.filename or path
    if error.errno in _FULL:
        return f"{_FULL[error.errno]}, writing {where}: nothing sealed is lost; make room and run again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{where} cannot be written: {os.strerror(error.errno)}; make it writable or name another folder"
    return f"{where}: {error.strerror or error}"


def write_durably(path: Path, data: bytes) -> None:
    """Replace `path` by `data` so that a crash leaves the old bytes or the new ones."""
    with writing(path):
        temporary = path.with_name(path.name + ".tmp")
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync(path.parent)


def to_json(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return sorted, indented JSON with a final newline: equal values give equal bytes."""
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, or of all files of a folder with their names."""
    if path.is_dir():
        return content_key([[p.relative_to(path).as_posix(), digest_of(p)] for p in _files(path)])
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _plan(record: type) -> tuple[pa.Schema, frozenset[str]]:
    """Return the Arrow schema of a record and the fields that are tuples."""
    import pyarrow as pa

    simple = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    hints = typing.get_type_hints(record)
    columns, tuples = [], set()
    for item in dataclasses.fields(record):
        hint = hints[item.name]
        nullable = False
        if typing.get_origin(hint) in (typing.Union, types.UnionType):
            options = [option for option in typing.get_args(hint) if option is not type(None)]
            hint, nullable = options[0], True
        if typing.get_origin(hint) is typing.Literal:
            hint = str
        if typing.get_origin(hint) is tuple:
            tuples.add(item.name)
            kind = pa.list_(simple[typing.get_args(hint)[0]])
        else:
            kind = simple[hint]
        columns.append(pa.field(item.name, kind, nullable=nullable))
    metadata = {"potstill.record": record.__name__, "potstill.schema": str(SCHEMA)}
    return pa.schema(columns, metadata=metadata), frozenset(tuples)


def _clean(value: Any) -> Any:  # noqa: ANN401 - a record's field
    """Lone surrogates (half a character in a model's JSON) have no UTF-8 form; they become U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if not value.isascii() else value
    if isinstance(value, tuple):
        return [_clean(item) for item in value]
    return value


class TableWriter(Generic[R]):
    """Writes one table of a stage as sealed parts of `part_rows` rows; `rows_done` rows were there before."""

    def __init__(self, folder: Path, name: str, record: type[R], part_rows: int) -> None:
        self.folder, self.name, self.record, self.part_rows = folder, name, record, part_rows
        self.buffer: list[R] = []
        self.parts = 0
        self.rows_done = 0
        while (part := self._part(self.parts)).exists():
            self.rows_done += _rows_in(part)
            self.parts += 1

    def append(self, row: R) -> None:
        """Add one row; a full part is sealed at once."""
        self.buffer.append(row)
        if len(self.buffer) >= self.part_rows:
            self.flush()

    def flush(self) -> None:
        """Seal what is buffered as one part."""
        if not self.buffer:
            return
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema, _ = _plan(self.record)
        columns = [[_clean(getattr(row, name)) for row in self.buffer] for name in schema.names]
        table = pa.Table.from_arrays(
            [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
        )
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        write_durably(self._part(self.parts), sink.getvalue().to_pybytes())
        self.parts += 1
        self.buffer.clear()

    def close(self) -> None:
        """Seal the last part; a table without rows gets one empty part, so that it can be told from a missing one."""
        self.flush()
        if self.parts == 0:
            import pyarrow as pa
            import pyarrow.parquet as pq

            sink = pa.BufferOutputStream()
            pq.write_table(_plan(self.record)[0].empty_table(), sink, compression="zstd")
            write_durably(self._part(0), sink.getvalue().to_pybytes())
            self.parts = 1

    def _part(self, number: int) -> Path:
        return self.folder / f"{self.name}-{number:05d}.parquet"


def _rows_in(part: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(part).num_rows)


def read_parts(folder: Path, table: str, record: type[R]) -> Iterator[R]:
    """Yield the rows of a table in order, one batch in memory at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    _, tuples = _plan(record)
    parts = sorted(folder.glob(f"{table}-[0-9][0-9][0-9][0-9][0-9].parquet"))
    if not parts:
        raise StoreError(f"{folder} has no table {table!r}: remove the folder and run again")
    for part in parts:
        try:
            file = pq.ParquetFile(part)
            version = (file.schema_arrow.metadata or {}).get(b"potstill.schema", b"?").decode()
            if version != str(SCHEMA):
                raise StoreError(f"{part} has record schema {version}, this potstill reads {SCHEMA}: remove {folder}")
            for batch in file.iter_batches(batch_size=512):
                for row in batch.to_pylist():
                    for name in tuples:
                        row[name] = tuple(row[name])
                    yield record(**row)
        except (pa.ArrowInvalid, pa.ArrowIOError) as error:
            raise StoreError(
                f"{part} is damaged ({str(error).splitlines()[0]}): remove {folder} and run again"
            ) from error


@dataclass(frozen=True)
class Sealed:
    """A finished stage."""

    path: Path
    manifest: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Content key of everything the stage wrote; what later stages depend on."""
        return content_key(self.manifest["files"])

    @property
    def fingerprint(self) -> str:
        """Key of what the stage was made from: version, settings, inputs."""
        return str(self.manifest["fingerprint"])

    @property
    def counts(self) -> dict[str, Any]:
        """What the stage said of itself, deterministic."""
        return dict(self.manifest["counts"])

    @property
    def clock(self) -> dict[str, Any]:
        """Seconds and versions; differs from run to run."""
        path = self.path / CLOCK
        return dict(json.loads(path.read_bytes())) if path.exists() else {}

    def rows(self, table: str, record: type[R]) -> Iterator[R]:
        """Yield a table's records."""
        return read_parts(self.path, table, record)

    def total(self, table: str) -> int:
        """Count a table's rows from the part footers."""
        return sum(_rows_in(part) for part in self.path.glob(f"{table}-*.parquet"))


class Work:
    """A stage under way, in `RUN/<stage>.partial`."""

    def __init__(self, run: Path, stage: str, fingerprint: str, about: Mapping[str, Any]) -> None:
        self.run, self.stage, self.about = run, stage, dict(about, fingerprint=fingerprint)
        self.path = run / f"{stage}.partial"
        self.tables: list[TableWriter[Any]] = []
        begun = _read_json(self.path / BEGUN)
        if begun.get("fingerprint") != fingerprint:
            with writing(self.path):
                shutil.rmtree(self.path, ignore_errors=True)
                self.path.mkdir(parents=True)
            write_durably(self.path / BEGUN, to_json({"fingerprint": fingerprint}))
        for stray in self.path.rglob("*.tmp"):
            stray.unlink(missing_ok=True)
        self.spent = float(_read_json(self.path / CLOCK).get("seconds", 0.0))
        self.started = time.monotonic()

    def table(self, name: str, record: type[R], part_rows: int = PART_ROWS) -> TableWriter[R]:
        """Open a table; it is closed by `seal`."""
        writer = TableWriter(self.path, name, record, part_rows)
        self.tables.append(writer)
        return writer

    def note_time(self) -> None:
        """Remember the seconds spent so far, for the next process should this one be killed."""
        write_durably(self.path / CLOCK, to_json({"seconds": self.seconds}))

    @property
    def seconds(self) -> float:
        """Seconds spent on this stage, killed attempts included as far as they were noted."""
        return round(self.spent + time.monotonic() - self.started, 3)

    def seal(self, counts: Mapping[str, Any], clock: Mapping[str, Any]) -> Sealed:
        """Sync everything, write the manifest last, and put the folder in its place."""
        for table in self.tables:
            table.close()
        write_durably(self.path / CLOCK, to_json(dict(clock, seconds=self.seconds)))
        with writing(self.path):
            files = []
            for file in _files(self.path):
                sync(file)
                name = file.relative_to(self.path).as_posix()
                if name not in (CLOCK, BEGUN) and not name.startswith(f"{SCRATCH}/"):
                    files.append({"name": name, "bytes": file.stat().st_size, "sha256": digest_of(file)})
            for folder in {file.parent for file in _files(self.path)}:
                sync(folder)
        manifest = dict(self.about, stage=self.stage, schema=SCHEMA, files=files, counts=dict(counts))
        write_durably(self.path / MANIFEST, to_json(manifest))
        _put_in_place(self.run, self.stage)
        return Sealed(self.run / self.stage, manifest)


def _put_in_place(run: Path, stage: str) -> None:
    """Swap a finished partial folder for the sealed one; `recover` finishes it when a crash comes between."""
    final, partial, old = run / stage, run / f"{stage}.partial", run / f"{stage}.old"
    with writing(final):
        (partial / BEGUN).unlink(missing_ok=True)
        shutil.rmtree(partial / SCRATCH, ignore_errors=True)
        if final.exists():
            shutil.rmtree(old, ignore_errors=True)
            final.rename(old)
        partial.rename(final)
        sync(run)
        shutil.rmtree(old, ignore_errors=True)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError:
        raise StoreError(f"{path} is damaged: remove its folder and run again") from None
    except OSError as error:
        raise StoreError(refusal(error, path)) from error
    if not isinstance(value, dict):
        raise StoreError(f"{path} is damaged: remove its folder and run again")
    return value


class Run:
    """A run folder. `lock` before writing; reading needs no lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def lock(self) -> None:
        """Become the only writing process, and finish or undo what a killed one left between two renames.

        Raises:
            BusyError: another process holds the folder.
            StoreError: the folder cannot be made or written.
        """
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise BusyError(f"{self.path} is in use by process {holder}: wait for it or name another --out") from None
        self._lock = descriptor
        with writing(self.path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._recover()

    def unlock(self) -> None:
        """Let other processes write."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _recover(self) -> None:
        with writing(self.path):
            for old in self.path.glob("*.old"):
                stage = old.name.removesuffix(".old")
                if not (self.path / stage).exists() and not (self.path / f"{stage}.partial" / MANIFEST).exists():
                    old.rename(self.path / stage)
        for partial in self.path.glob("*.partial"):
            if (partial / MANIFEST).exists():
                _put_in_place(self.path, partial.name.removesuffix(".partial"))
        for old in self.path.glob("*.old"):
            shutil.rmtree(old, ignore_errors=True)

    def sealed(self, stage: str) -> Sealed | None:
        """Return the finished stage, or None; a manifest whose files are gone or resized is no seal.

        Raises:
            StoreError: a file of the stage was changed or removed behind potstill's back.
        """
        path = self.path / stage
        manifest = _read_json(path / MANIFEST)
        if not manifest:
            return None
        for file in manifest.get("files", ()):
            part = path / file["name"]
            if not part.is_file() or part.stat().st_size != file["bytes"]:
                raise StoreError(f"{part} was changed or removed after it was sealed: remove {path} and run again")
        return Sealed(path, manifest)

    def begin(self, stage: str, fingerprint: str, about: Mapping[str, Any]) -> Work:
        """Start or resume a stage; sealed parts of an attempt with the same fingerprint are kept."""
        return Work(self.path, stage, fingerprint, about)

    def write(self, name: str, data: bytes) -> Path:
        """Write a file of the run folder itself, durably."""
        write_durably(self.path / name, data)
        return self.path / name

    def under_way(self) -> Iterable[str]:
        """Names of stages that were begun and not sealed."""
        return sorted(path.name.removesuffix(".partial") for path in self.path.glob("*.partial"))
