"""The run folder: outputs of stages under their fingerprints, names that point to them, one writing process.

    RUN/recipe.yaml                     the resolved recipe
    RUN/stages/<kind>-<fingerprint>/    an output: parts, files, manifest.json (deterministic), clock.json (not)
    RUN/stages/<...>.partial/           one under way; its committed parts are kept by a rerun with the same fingerprint
    RUN/<name>                          a link to the output that the recipe means by this name now
    RUN/ledger/                         completions of served teachers; survives every redo

Runs of a study share `stages` and `ledger`. Every file is written under a temporary name, synced and renamed, so a
process killed anywhere leaves either the old state or the new one. An output counts as committed when its folder has a
manifest; nothing that is committed is ever written again, except by a stage that is asked for by name. What is read is
compared with the digest that was noted as it was written: a damaged file of a committed output is refused, one of a
stage under way is set aside and made again.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import sys
import time
import typing
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from potstill import parquet
from potstill.damage import digest_of_file, unsigned
from potstill.durable import files_of, read_record, sync, to_record, write_durably, writing
from potstill.errors import DamageError, StoreError
from potstill.lock import FolderLock
from potstill.records import SCHEMA, content_key
from potstill.table_parts import PART_ROWS, TableWriter, checked, noted

if typing.TYPE_CHECKING:
    import pyarrow as pa

R = TypeVar("R")
MANIFEST, BEGUN, CLOCK = "manifest.json", "begun.json", "clock.json"
STUDY = "study.yaml"
"""At the top of a study's folder; its runs are in `runs/NAME` below."""
SCRATCH = "scratch"
"""Folder of a stage under way for what only a rerun needs, such as checkpoints; it goes when the stage is committed."""
DIGESTS, DAMAGED = f"{SCRATCH}/digests", f"{SCRATCH}/damaged"
"""In it, the digest of each part, and what was set aside."""
_PART = re.compile(r"(.+)-([0-9]{5,})\.parquet")  # traces-00012.parquet


@dataclass(frozen=True)
class Committed:
    """A finished stage."""

    path: Path
    manifest: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Content key of everything the stage wrote; what later stages depend on."""
        return self.digest_without(None)

    def digest_without(self, pattern: str | None) -> str:
        """Content key of what the stage wrote but for files whose names match `pattern`, such as `*.safetensors`."""
        return content_key([f for f in self.manifest["files"] if not fnmatchcase(f["name"], pattern or "")])

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
        """Seconds and versions; differs from run to run, and is empty where it was lost."""
        return _clock(self.path)

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        """What the stage wrote, by path below its folder: name, bytes, sha256, and the rows of a part."""
        return {file["name"]: file for file in self.manifest["files"]}

    def rows(self, table: str, record: type[R]) -> Iterator[R]:
        """Yield a table's records in order, one part in memory at a time.

        Raises:
            StoreError: there is no such table, or a part of it was changed, removed or added.
        """
        if not (parts := self.parts(table)):
            raise StoreError(f"{self.path} has no table {table!r}: remove the folder and run again")
        self._refuse_strays(self.path.glob(f"{table}-[0-9][0-9][0-9][0-9][0-9].parquet"))
        for name in parts:
            yield from parquet.decode(self.read(name), self.path / name, record)

    def between(self, table: str, record: type[R], start: int, stop: int, without: Sequence[str] = ()) -> Iterator[R]:
        """Yield the rows from number `start` up to `stop` of a table, reading the parts that hold them alone.

        The texts of the fields `without` are not read and empty.
        """
        for name, first, last in self._within(table, start, stop):
            yield from parquet.decode(self.read(name), self.path / name, record, first, last, without)

    def columns(self, table: str, names: Sequence[str], start: int, stop: int) -> pa.Table:
        """Return some columns of the rows from number `start` up to `stop` of a table, as Arrow has them."""
        import pyarrow as pa

        found = [
            parquet.columns_of(self.read(name), names).slice(first, last - first)
            for name, first, last in self._within(table, start, stop)
        ]
        return pa.concat_tables(found)

    def _within(self, table: str, start: int, stop: int) -> Iterator[tuple[str, int, int]]:
        """Yield (part, its first row, the row behind its last one) for each part of a table that holds such rows."""
        at = 0
        for name in self.parts(table):
            end = at + int(self.files[name]["rows"])
            if at < stop and end > start:
                yield name, max(start - at, 0), min(stop, end) - at
            at = end

    @property
    def tables(self) -> list[str]:
        """Names of the tables."""
        return sorted({found[1] for name in self.files if (found := _PART.fullmatch(name))})

    def record(self, table: str) -> str:
        """Return what the parts of a table say that a row is, such as `Trace`; raises as `rows` does."""
        return parquet.record_of(self.read(self.parts(table)[0]))

    def batches(self, table: str, record: type) -> pa.RecordBatchReader:
        """Return a reader of a table's rows in Arrow's form, one part in memory at a time; raises as `rows` does."""
        return parquet.reader((self.read(name) for name in self.parts(table)), record)

    def parts(self, table: str) -> list[str]:
        """Return the names of a table's parts, in order; none where there is no such table."""
        return sorted(name for name in self.files if (found := _PART.fullmatch(name)) and found[1] == table)

    def total(self, table: str) -> int:
        """Count a table's rows, from the manifest."""
        return sum(int(self.files[name]["rows"]) for name in self.parts(table))

    def read(self, name: str) -> bytes:
        """Return the bytes of a file that the stage wrote; DamageError where they are others now."""
        try:
            return checked(self.path / name, self.files[name]["sha256"])
        except DamageError:
            raise _changed(self.path / name, self.path) from None

    def folder(self, name: str, *, without: str | None = None) -> Path:
        """Return the path of a folder that the stage wrote, with every file in it checked that is not like `without`.

        Raises:
            DamageError: a file in it was changed, removed or added.
        """
        for file, known in self.files.items():
            path = self.path / file
            if not file.startswith(f"{name}/") or (without is not None and fnmatchcase(file, without)):
                continue
            if not path.is_file() or digest_of_file(path) != known["sha256"]:
                raise _changed(path, self.path)
        self._refuse_strays(files_of(self.path / name))
        return self.path / name

    def _refuse_strays(self, found: Iterable[Path]) -> None:
        """Refuse what the stage never wrote and its readers would take for its own; hidden files nobody reads."""
        for path in found:
            if path.relative_to(self.path).as_posix() not in self.files and not path.name.startswith("."):
                raise DamageError(f"{path} is not of potstill: move it away and run again")


def _changed(path: Path, stage: Path) -> DamageError:
    return DamageError(f"{path} was changed or removed after it was committed: remove {stage} and run again")


def output_name(kind: str, fingerprint: str) -> str:
    """Return the folder of an output inside `stages`."""
    return f"{kind}-{fingerprint[:16]}"


def _committed(path: Path) -> Committed | None:
    """Return a finished output; a manifest whose files are gone or resized is no commit."""
    try:
        manifest = read_record(path / MANIFEST)
    except DamageError as error:
        raise DamageError(f"{error}: remove {path} and run again") from None
    if not manifest:
        return None
    committed = Committed(path, manifest)
    for name, known in committed.files.items():
        part = path / name
        if not part.is_file() or part.stat().st_size != known["bytes"]:
            raise _changed(part, path)
    return committed


class Work:
    """A stage under way, in `STAGES/<folder>.partial`."""

    def __init__(self, stages: Path, folder: str, fingerprint: str, about: Mapping[str, Any]) -> None:
        self.stages, self.folder, self.about = stages, folder, dict(about, fingerprint=fingerprint)
        self.path = stages / f"{folder}.partial"
        self.tables: list[TableWriter[Any]] = []
        if not self._continues(fingerprint):
            with writing(self.path):
                shutil.rmtree(self.path, ignore_errors=True)
                self.path.mkdir(parents=True)
            write_durably(self.path / BEGUN, to_record({"fingerprint": fingerprint}))
        self.spent = float(_clock(self.path).get("seconds", 0.0))
        self._keep_whole_parts()
        self.started = time.monotonic()

    def _continues(self, fingerprint: str) -> bool:
        """Whether an attempt at the same stage is there to go on with."""
        try:
            return read_record(self.path / BEGUN).get("fingerprint") == fingerprint
        except DamageError as error:
            print(f"{self.folder}: {error}: this stage starts over", file=sys.stderr)
            return False

    def _keep_whole_parts(self) -> None:
        """Leave of an earlier attempt the parts that are as they were written, and scratch; the rest is made again.

        A table goes on behind its last row, so no part stays behind one that is damaged or missing.
        """
        whole: Counter[str] = Counter()
        with writing(self.path):
            for path in sorted((*self.path.iterdir(), *(self.path / SCRATCH).glob("*.parquet"))):
                part = _PART.fullmatch(path.name)
                if part is None:
                    if path.name not in (BEGUN, CLOCK, SCRATCH):
                        shutil.rmtree(path) if path.is_dir() else path.unlink()
                elif digest_of_file(path) != noted(self.path / DIGESTS, path):
                    print(f"{path} is damaged: set aside, and made again from there", file=sys.stderr)
                    (self.path / DAMAGED).mkdir(parents=True, exist_ok=True)
                    path.replace(self.path / DAMAGED / path.name)
                elif int(part[2]) == whole[part[1]]:
                    whole[part[1]] += 1
                else:
                    path.unlink()

    def table(self, name: str, record: type[R], part_rows: int = PART_ROWS) -> TableWriter[R]:
        """Open a table; it is closed by `commit`."""
        writer = TableWriter(self.path, self.path / DIGESTS, name, record, part_rows)
        self.tables.append(writer)
        return writer

    def scratch_table(self, name: str, record: type[R], part_rows: int = PART_ROWS) -> TableWriter[R]:
        """Open a table that goes when the stage is committed; whoever opens it closes it."""
        folder = self.path / SCRATCH
        with writing(folder):
            folder.mkdir(exist_ok=True)
        return TableWriter(folder, self.path / DIGESTS, name, record, part_rows)

    def note_time(self, **more: float) -> None:
        """Remember the seconds spent so far, for the next process should this one be killed, and `more` of the kind."""
        write_durably(self.path / CLOCK, to_record({"seconds": self.seconds, **more}))

    @property
    def seconds(self) -> float:
        """Seconds spent on this stage, killed attempts included as far as they were noted."""
        return round(self.spent + time.monotonic() - self.started, 3)

    def commit(self, counts: Mapping[str, Any], clock: Mapping[str, Any]) -> Committed:
        """Sync everything, write the manifest last, and put the folder in its place."""
        for table in self.tables:
            table.close()
        write_durably(self.path / CLOCK, to_record({**_clock(self.path), **clock, "seconds": self.seconds}))
        with writing(self.path):
            files = [self._entry(file) for file in files_of(self.path) if self._is_output(file)]
            for folder in {file.parent for file in files_of(self.path)}:
                sync(folder)
        manifest = dict(self.about, schema=SCHEMA, files=files, counts=dict(counts))
        data = to_record(manifest)
        write_durably(self.path / MANIFEST, data)
        _put_in_place(self.stages, self.folder)
        return Committed(self.stages / self.folder, unsigned(json.loads(data), self.path / MANIFEST))

    def _is_output(self, file: Path) -> bool:
        name = file.relative_to(self.path).as_posix()
        return name not in (CLOCK, BEGUN) and not name.startswith(f"{SCRATCH}/")

    def _entry(self, file: Path) -> dict[str, Any]:
        """Return what the manifest says of a file, once it is on the disk."""
        sync(file)
        name, sha256 = file.relative_to(self.path).as_posix(), digest_of_file(file)
        entry = {"name": name, "bytes": file.stat().st_size, "sha256": sha256}
        if _PART.fullmatch(name) is None:
            return entry
        if sha256 != noted(self.path / DIGESTS, file):
            raise DamageError(f"{file} was changed after it was written: run again, it is set aside and made again")
        return entry | {"rows": parquet.count(file)}


def _put_in_place(stages: Path, folder: str) -> None:
    """Swap a finished partial folder for the committed one; `recover` finishes it when a crash comes between."""
    final, partial, old = stages / folder, stages / f"{folder}.partial", stages / f"{folder}.old"
    with writing(final):
        (partial / BEGUN).unlink(missing_ok=True)
        shutil.rmtree(partial / SCRATCH, ignore_errors=True)
        if final.exists():
            shutil.rmtree(old, ignore_errors=True)
            final.rename(old)
        partial.rename(final)
        sync(stages)
        shutil.rmtree(old, ignore_errors=True)


def _clock(stage: Path) -> dict[str, Any]:
    """Return what a stage noted of its time; where that is damaged nothing else is lost."""
    try:
        return read_record(stage / CLOCK)
    except DamageError as error:
        _tell_once(f"{error}: how long this stage took is not known")
        return {}


@functools.cache
def _tell_once(line: str) -> None:
    print(line, file=sys.stderr)


def _study_of(path: Path) -> Path | None:
    """Return the study that a run folder belongs to, if it does."""
    study = path.parent.parent
    inside = path.parent.name == "runs" and (study / STUDY).is_file() and (study / "stages").is_dir()
    return study if inside else None


class Run:
    """A run folder. `lock` before writing; reading needs no lock.

    `shared` is the folder whose `stages` and `ledger` it uses: a study gives it to its runs, which it locks as a whole.
    A run in the folder `runs` of a study that is opened by itself uses, and locks, those of that study.
    """

    def __init__(self, path: Path, shared: Path | None = None) -> None:
        study = _study_of(path) if shared is None else None
        self.path, locked = path, path if study is None else study
        self.stages, self.ledger = ((shared or study or path) / name for name in ("stages", "ledger"))
        self._lock = FolderLock(locked)

    def lock(self) -> None:
        """Become the only writing process, and finish or undo what a killed one left between two renames.

        Raises:
            BusyError: another process holds the folder.
            StoreError: the folder cannot be made or written.
        """
        with writing(self.path):
            self.stages.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(parents=True, exist_ok=True)
        self._lock.take()
        self._recover()

    def unlock(self) -> None:
        """Let other processes write."""
        self._lock.release()

    def is_busy(self) -> bool:
        """Return whether a process works on the folder; none is kept from beginning by being asked about."""
        return self._lock.is_held()

    def _recover(self) -> None:
        with writing(self.path):
            for old in self.stages.glob("*.old"):
                folder = old.name.removesuffix(".old")
                if not (self.stages / folder).exists() and not (self.stages / f"{folder}.partial" / MANIFEST).exists():
                    old.rename(self.stages / folder)
        for partial in self.stages.glob("*.partial"):
            if (partial / MANIFEST).exists():
                _put_in_place(self.stages, partial.name.removesuffix(".partial"))
        for old in self.stages.glob("*.old"):
            shutil.rmtree(old, ignore_errors=True)

    def committed(self, name: str) -> Committed | None:
        """Return the output that a name points to, or None.

        Raises:
            DamageError: the manifest was changed, or a file that it lists was resized or removed.
        """
        link = self.path / name
        if not link.is_dir():
            return None
        return _committed(Path(os.path.normpath(self.path / os.readlink(link))) if link.is_symlink() else link)

    def find(self, kind: str, fingerprint: str) -> Committed | None:
        """Return the output of this fingerprint, whichever name, run or variant made it; raises as `committed` does."""
        return _committed(self.stages / output_name(kind, fingerprint))

    def begin(self, kind: str, fingerprint: str, about: Mapping[str, Any]) -> Work:
        """Start or resume a stage; committed parts of an attempt with the same fingerprint are kept."""
        return Work(self.stages, output_name(kind, fingerprint), fingerprint, dict(about, kind=kind))

    def is_under_way(self, kind: str, fingerprint: str) -> bool:
        """Return whether a stage was begun and not committed."""
        return (self.stages / f"{output_name(kind, fingerprint)}.partial").is_dir()

    def point(self, name: str, committed: Committed) -> None:
        """Let a name mean an output from now on; a crash leaves the old meaning or the new one.

        Raises:
            StoreError: a folder or file stands in the place of the name.
        """
        link = self.path / name
        target = os.path.relpath(committed.path.resolve(), self.path.resolve())
        if link.is_symlink() and os.readlink(link) == target:
            return
        if link.is_dir() and not link.is_symlink():  # a copy of the run that followed the links
            if read_record(link / MANIFEST) == dict(committed.manifest):
                return
            raise StoreError(f"{link} is a folder where a link to a stage belongs: move it, or name another --out")
        with writing(link):
            temporary = self.path / f".{name}.link"
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(target, target_is_directory=True)
            temporary.replace(link)
            sync(self.path)

    def together(self) -> list[Run]:
        """Return every run that uses the same outputs: this one, or all runs of its study."""
        root = self.stages.parent
        return [Run(path, shared=root) for path in (root, *sorted(root.glob("runs/*"))) if path.is_dir()]

    def unused(self) -> list[Path]:
        """Return the outputs, finished or not, that no name points to; in a study no name of any of its runs."""
        used = {folder for run in self.together() for folder in run.names().values()}
        found = sorted(self.stages.iterdir()) if self.stages.is_dir() else []
        return [path for path in found if path.name not in used]

    def names(self) -> dict[str, str]:
        """Return every name of the run and the folder in `stages` that it points to."""
        if not self.path.is_dir():
            return {}
        return {link.name: Path(os.readlink(link)).name for link in sorted(self.path.iterdir()) if link.is_symlink()}

    def forget(self, name: str) -> None:
        """Remove a name; what it pointed to stays until it is cleaned away."""
        (self.path / name).unlink(missing_ok=True)

    def write(self, name: str, data: bytes) -> Path:
        """Write a file of the run folder itself, durably."""
        write_durably(self.path / name, data)
        return self.path / name
