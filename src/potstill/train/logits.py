"""Distributions of a teacher on disk: its top tokens and the mass of all others, at each trained token of some rows.

    logits.json        what they belong to, and the shards in order with the digest of each file
    00000.ids.npy      uint32, (tokens, k): the teacher's likeliest tokens, the likeliest first
    00000.logs.npy     float32, (tokens, k): their log p
    00000.tail.npy     float32, (tokens,): the log mass of all other tokens

Tokens are those that carry loss, in the order of the rows. A shard ends with a whole batch of rows, so a capture that
is killed goes on behind its last whole shard and makes the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from potstill.errors import DataError
from potstill.records import content_key
from potstill.train.divergence import TopK
from potstill.train.shards import Shards, ShardWriter

if TYPE_CHECKING:
    from numpy.typing import NDArray

KIND = "logits"
SHARD_TOKENS = 1 << 17
"""Trained tokens from which a shard is sealed: 9 MB at 8 tokens each."""
PARTS = ("ids", "logs", "tail")


class LogitWriter:
    """Writes distributions row by row; `rows` of them were written by an earlier attempt at the same.

    `about` says what they belong to: rows, tokenizer, teacher, k.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any], shard_tokens: int = SHARD_TOKENS) -> None:
        self.shards, self.about = ShardWriter(folder, KIND, {"about": dict(about)}), dict(about)
        self.shard_tokens = shard_tokens
        self.rows = sum(int(shard["rows"]) for shard in self.shards.records)
        self._batch: list[TopK] = []

    def add(self, batch: Sequence[TopK]) -> None:
        """Write a batch of rows; a full shard is sealed behind it.

        Raises:
            DataError: the tokens of a distribution and its tail do not sum to 1.
        """
        from potstill.train.objectives import whole

        for number, row in enumerate(batch, self.rows + 1):
            if not whole(row.logs, row.tail):
                raise DataError(
                    f"row {number}: the teacher's top tokens and the mass of all others do not sum to 1; without that "
                    "mass a student learns something else, so they are not stored"
                )
        self._batch += batch
        self.rows += len(batch)
        if sum(len(row.tail) for row in self._batch) >= self.shard_tokens:
            self._seal()

    def close(self) -> None:
        """Seal what is left, and write the index."""
        if self._batch:
            self._seal()
        self.shards.close(about=self.about)

    def _seal(self) -> None:
        parts: dict[str, NDArray[Any]] = {
            "ids": np.concatenate([row.ids.numpy() for row in self._batch]).astype("<u4"),
            "logs": np.concatenate([row.logs.numpy() for row in self._batch]).astype("<f4"),
            "tail": np.concatenate([row.tail.numpy() for row in self._batch]).astype("<f4"),
        }
        self.shards.seal(parts, rows=len(self._batch), tokens=len(parts["tail"]))
        self._batch = []


class Logits(Sequence[TopK]):
    """The distributions of a folder, row by row, mapped as they are asked for.

    `rows` is the identity of the rows that they have to belong to, `trained` the trained tokens of each.

    Raises:
        DataError: they belong to other rows.
        DamageError: a file was changed or removed since it was written; told when it is first read.
    """

    def __init__(self, folder: Path, rows: str, trained: Sequence[int] | NDArray[Any]) -> None:
        self.folder, self.shards = folder, Shards(folder, KIND, PARTS)
        records = self.shards.records
        self.about: dict[str, Any] = self.shards.index["about"]
        self._ends = np.cumsum(np.asarray(trained, dtype=np.int64))
        tokens = int(self._ends[-1]) if len(self._ends) else 0
        if self.about["rows"] != rows or sum(shard["tokens"] for shard in records) != tokens:
            raise DataError(
                f"the stored logits in {folder} do not fit the rows: they were captured for others; run the stage "
                "`logits` again"
            )
        self.identity = content_key([self.about, [shard["files"] for shard in records]])
        self._starts = np.cumsum([0, *(shard["tokens"] for shard in records)])

    def __reduce__(self) -> tuple[type[Logits], tuple[Path, str, NDArray[Any]]]:
        """Be opened again by a process that is handed them."""
        return Logits, (self.folder, self.about["rows"], np.diff(self._ends, prepend=0))

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> TopK: ...
    @overload
    def __getitem__(self, index: slice) -> list[TopK]: ...
    def __getitem__(self, index: int | slice) -> TopK | list[TopK]:
        import torch

        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        start, end = int(self._ends[place - 1]) if place else 0, int(self._ends[place])
        number = int(np.searchsorted(self._starts, start, side="right")) - 1
        first = int(self._starts[number])
        ids, logs, tail = (part[start - first : end - first] for part in self.shards[number])
        return TopK(
            ids=torch.from_numpy(ids.astype(np.int64)), logs=torch.from_numpy(logs.copy()),
            tail=torch.from_numpy(tail.copy()),
        )  # fmt: skip
