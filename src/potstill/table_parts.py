"""Tables of a stage under way, written part by part; the digest of a part is there before the part is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeVar

from potstill import parquet
from potstill.damage import digest
from potstill.durable import refusal, write_durably, writing
from potstill.errors import DamageError, StoreError

R = TypeVar("R")
PART_ROWS = 1000


class TableWriter(Generic[R]):
    """Writes one table of a stage as parts of `part_rows` rows; `rows_done` rows were there before.

    The digest of a part is in the folder `digests` before the part has its name.
    """

    def __init__(self, folder: Path, digests: Path, name: str, record: type[R], part_rows: int) -> None:
        self.folder, self.digests, self.name, self.record, self.part_rows = folder, digests, name, record, part_rows
        self.buffer: list[R] = []
        self.parts = 0
        self.rows_done = 0
        while (part := self._part(self.parts)).exists():
            self.rows_done += parquet.count(part)
            self.parts += 1

    def append(self, row: R) -> None:
        """Add one row; a full part is committed at once."""
        self.buffer.append(row)
        if len(self.buffer) >= self.part_rows:
            self.flush()

    def flush(self) -> None:
        """Commit what is buffered as one part."""
        if self.buffer:
            self._write()

    def close(self) -> None:
        """Commit the last part; a table without rows gets one empty part, so that it can be told from a missing one."""
        if self.buffer or self.parts == 0:
            self._write()

    def put(self, data: bytes) -> None:
        """Commit a part that is encoded already; nothing may be buffered."""
        if self.buffer:
            raise ValueError(f"{len(self.buffer)} rows of {self.name} wait to be written")
        self._commit(data)

    def rows(self) -> Iterator[R]:
        """Yield the rows of all committed parts."""
        for number in range(self.parts):
            part = self._part(number)
            yield from parquet.decode(checked(part, noted(self.digests, part)), part, self.record)

    def _write(self) -> None:
        self._commit(parquet.encode(self.buffer, self.record))
        self.buffer.clear()

    def _commit(self, data: bytes) -> None:
        part = self._part(self.parts)
        with writing(self.digests):
            self.digests.mkdir(parents=True, exist_ok=True)
        write_durably(_note(self.digests, part), digest(data).encode())
        write_durably(part, data)
        self.parts += 1

    def _part(self, number: int) -> Path:
        return self.folder / f"{self.name}-{number:05d}.parquet"


def _note(digests: Path, part: Path) -> Path:
    return digests / f"{part.name}.sha256"


def noted(digests: Path, part: Path) -> str:
    """Return the digest of a part of a stage under way; empty where none was noted."""
    try:
        return _note(digests, part).read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return ""


def checked(path: Path, sha256: str) -> bytes:
    """Return the bytes of a file; DamageError where they are not those of the digest."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        data = None
    except OSError as error:
        raise StoreError(refusal(error, path)) from error
    if data is None or digest(data) != sha256:
        raise DamageError(f"{path} was changed or removed after it was written")
    return data
