"""Arrays on disk in shards: a writer that was killed goes on behind the last whole one, and readers map what they need.

    KIND.json           the shards in order, with the digest of each file
    00000.PART.npy      an array of a shard

While they are written each sealed shard has a record `00000.json`; the same arrays make the same bytes.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potstill.damage import digest, digest_of_file
from potstill.durable import read_record, sync, to_record, write_durably, writing
from potstill.errors import DamageError, StoreError

MAPPED = 4
"""Shards that are mapped at a time; what was touched of others does not stay in memory."""


class ShardWriter:
    """Seals shards in a folder; `records` has those of an earlier attempt at the same.

    `common` are fields that every record has: a shard whose record has others is no part of it.
    """

    def __init__(self, folder: Path, kind: str, common: Mapping[str, Any] | None = None) -> None:
        self.folder, self.kind, self.common = folder, kind, dict(common or {})
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self.records: list[dict[str, Any]] = []
        while (record := self._whole(len(self.records))) is not None:
            self.records.append(record)

    def seal(self, parts: Mapping[str, NDArray[Any]], **told: Any) -> None:  # noqa: ANN401 - any JSON value
        """Write the arrays of a shard, and its record with the fields `told`."""
        number, files = len(self.records), {}
        for part, values in parts.items():
            data = io.BytesIO()
            np.lib.format.write_array(data, values, allow_pickle=False)
            files[part] = digest(data.getvalue())
            write_durably(self.folder / _name(number, part), data.getvalue())
        record = {**self.common, **told, "files": files}
        write_durably(self.folder / f"{number:05d}.json", to_record(record))
        self.records.append(record)

    def close(self, **told: Any) -> None:  # noqa: ANN401 - any JSON value
        """Write the index with the fields `told`, and remove what is no part of it."""
        index = f"{self.kind}.json"
        write_durably(self.folder / index, to_record({**told, "shards": self.records}))
        kept = {index, *(_name(number, part) for number, record in enumerate(self.records) for part in record["files"])}
        with writing(self.folder):
            for path in self.folder.iterdir():
                if path.name not in kept:
                    path.unlink()

    def move(self, out: Path) -> None:
        """Let the closed folder be `out`, whole or not at all."""
        with writing(out.parent):
            self.folder.rename(out)
            sync(out.parent)

    def _whole(self, number: int) -> dict[str, Any] | None:
        """Return the record of a sealed shard whose files are as they were written."""
        try:
            record = read_record(self.folder / f"{number:05d}.json")
        except DamageError:
            return None
        paths = {self.folder / _name(number, part): sha256 for part, sha256 in record.get("files", {}).items()}
        whole = bool(paths) and all(path.is_file() and digest_of_file(path) == sha256 for path, sha256 in paths.items())
        return record if whole and all(record.get(key) == value for key, value in self.common.items()) else None


class Shards:
    """The shards of a folder, each file compared with its digest when it is first read.

    `index` is what the writer told, `records` what it told of each shard; `parts` are mapped together.

    Raises:
        StoreError: no writer closed the folder.
        DamageError: a file was changed or removed since it was written; told when it is read.
    """

    def __init__(self, folder: Path, kind: str, parts: Sequence[str]) -> None:
        self.folder, self.parts = folder, parts
        self.index = read_record(folder / f"{kind}.json")
        if not self.index:
            raise StoreError(f"{folder} has no {kind} ({kind}.json): run the stage `{kind}` again")
        self.records: list[dict[str, Any]] = self.index["shards"]
        self._checked: set[tuple[int, str]] = set()
        self._mapped: OrderedDict[int, list[NDArray[Any]]] = OrderedDict()

    def __getitem__(self, number: int) -> list[NDArray[Any]]:
        """Return the mapped `parts` of a shard."""
        if number not in self._mapped:
            self._mapped[number] = [self.part(number, part) for part in self.parts]
        self._mapped.move_to_end(number)
        if len(self._mapped) > MAPPED:
            self._mapped.popitem(last=False)
        return self._mapped[number]

    def part(self, number: int, part: str) -> NDArray[Any]:
        """Return one part of a shard, mapped."""
        path = self.folder / _name(number, part)
        if (number, part) not in self._checked:
            if not path.is_file() or digest_of_file(path) != self.records[number]["files"][part]:
                raise DamageError(
                    f"{path} was changed or removed after it was written: remove {self.folder.parent} and run again"
                )
            self._checked.add((number, part))
        found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return found


def _name(number: int, part: str) -> str:
    return f"{number:05d}.{part}.npy"
