"""Rows on disk: token ids and segments as memory-mapped shards, so that memory does not grow with their number.

    rows.json            the shards in order, with the digest of each file
    00000.ids.npy        uint32, (tokens,): the rows of a shard one behind the other
    00000.segments.npy   uint8, (tokens,): a `Segment` code each
    00000.rows.npy       `ROW`, (rows,): where each row ends, its weight, example, problem, trained tokens
    00000.dropped.npy    `DROPPED`, (examples,): examples without a row, where there are any

A shard is sealed once it holds `SHARD_TOKENS` tokens, so the same rows make the same bytes; see `shards`.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from potstill.records import content_key
from potstill.train.render import TRAINED
from potstill.train.segments import TokenRow, Unfit
from potstill.train.shards import Shards, ShardWriter

KIND = "rows"
INDEX = f"{KIND}.json"
SHARD_TOKENS = 1 << 21
"""Tokens from which a shard is sealed: 10 MB."""
SHARD_DROPS = 1 << 20
ROW = np.dtype([("end", "<u8"), ("weight", "<f8"), ("example", "<u8"), ("problem", "<u8"), ("trained", "<u4")])
DROPPED = np.dtype([("example", "<u8"), ("reason", "u1")])
_REASONS = tuple(Unfit)
_DECIDING = ("ids", "segments", "rows")


class RowWriter:
    """Writes rows and drops in the order of their examples; `examples` of them were written by an earlier attempt."""

    def __init__(self, folder: Path, shard_tokens: int = SHARD_TOKENS) -> None:
        self.shards, self.shard_tokens = ShardWriter(folder, KIND), shard_tokens
        self._begin()

    @property
    def examples(self) -> int:
        """Examples in sealed shards, those without a row included."""
        return int(self.shards.records[-1]["examples"]) if self.shards.records else 0

    @property
    def rows(self) -> int:
        """Rows written so far."""
        return sum(int(shard["rows"]) for shard in self.shards.records) + len(self._rows)

    @property
    def tokens(self) -> int:
        """Tokens of the rows written so far."""
        return sum(int(shard["tokens"]) for shard in self.shards.records) + len(self._ids)

    @property
    def dropped(self) -> dict[str, int]:
        """Examples without a row so far, by reason."""
        found = _dropped(self.shards.records)
        found.update(_REASONS[code] for _, code in self._drops)
        return dict(sorted(found.items()))

    def add(self, row: TokenRow, problem: str = "", *, last: bool = True) -> None:
        """Write one row, of the problem of that key; a full shard is sealed behind the `last` row of an example."""
        self._ids.extend(row.ids)
        self._segments += row.segments
        self._rows.append((len(self._ids), row.weight, row.example, place_of(problem), _number_trained(row)))
        if last and len(self._ids) >= self.shard_tokens:
            self._seal(row.example + 1)

    def drop(self, example: int, reason: Unfit) -> None:
        """Note that an example has no row."""
        self._drops.append((example, _REASONS.index(reason)))
        if len(self._drops) >= SHARD_DROPS:
            self._seal(example + 1)

    def close(self, examples: int) -> None:
        """Seal what is left of `examples` examples, and write the index."""
        if self._rows or self._drops:
            self._seal(examples)
        self.shards.close(reasons=list(_REASONS))

    def _begin(self) -> None:
        self._ids, self._segments = array("I"), bytearray()
        self._rows: list[tuple[int, float, int, int, int]] = []
        self._drops: list[tuple[int, int]] = []

    def _seal(self, examples: int) -> None:
        parts: dict[str, NDArray[Any]] = {
            "ids": np.frombuffer(self._ids, dtype="=u4").astype("<u4", copy=False),
            "segments": np.frombuffer(self._segments, dtype="u1"),
            "rows": np.array(self._rows, dtype=ROW),
        }
        if self._drops:
            parts["dropped"] = np.array(self._drops, dtype=DROPPED)
        dropped = Counter(str(_REASONS[code]) for _, code in self._drops)
        self.shards.seal(
            parts, rows=len(self._rows), tokens=len(self._ids), examples=examples, dropped=dict(sorted(dropped.items()))
        )
        self._begin()


class Rows(Sequence[TokenRow]):
    """The rows of a folder, read as they are asked for; a shard is compared with its digest when it is first touched.

    `lengths`: (rows,) tokens of each row; `trained`: (rows,) those of them that carry loss; `problems`: (rows,) uint64,
    the place of each row's problem; `counts`: examples without a row, by reason; `identity` is a key of everything that
    training sees of the rows.

    Raises:
        DamageError: a file was changed or removed since it was written; told when it is read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.shards = folder, Shards(folder, KIND, _DECIDING)
        records = self.shards.records
        self.reasons: list[str] = self.shards.index["reasons"]
        self.identity = content_key([[shard["files"][part] for part in _DECIDING] for shard in records])
        self.counts = dict(sorted(_dropped(records).items()))
        self._starts = np.cumsum([0, *(shard["rows"] for shard in records)])
        self.lengths, self.trained = (np.empty(len(self), dtype=np.int64) for _ in range(2))
        self.problems = np.empty(len(self), dtype=np.uint64)
        for number in range(len(records)):
            rows, here = self.shards.part(number, "rows"), slice(self._starts[number], self._starts[number + 1])
            self.lengths[here], self.trained[here] = np.diff(rows["end"], prepend=np.uint64(0)), rows["trained"]
            self.problems[here] = rows["problem"]

    def __reduce__(self) -> tuple[type[Rows], tuple[Path]]:
        """Be opened again by a process that is handed them."""
        return Rows, (self.folder,)

    def __len__(self) -> int:
        return int(self._starts[-1])

    @overload
    def __getitem__(self, index: int) -> TokenRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[TokenRow]: ...
    def __getitem__(self, index: int | slice) -> TokenRow | list[TokenRow]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        number = int(np.searchsorted(self._starts, place, side="right")) - 1
        (ids, segments, rows), row = self.shards[number], place - int(self._starts[number])
        start, end = int(rows["end"][row - 1]) if row else 0, int(rows["end"][row])
        return TokenRow(
            ids=tuple(ids[start:end].tolist()),
            segments=segments[start:end].tobytes(),
            example=int(rows["example"][row]),
            weight=float(rows["weight"][row]),
        )

    def dropped(self) -> Iterator[tuple[int, str]]:
        """Yield (index of the example, reason) of each example without a row."""
        for number, shard in enumerate(self.shards.records):
            if "dropped" in shard["files"]:
                for example, code in self.shards.part(number, "dropped").tolist():
                    yield example, self.reasons[code]


def place_of(problem_key: str) -> int:
    """Return a number below 2^64 by a hash of a problem: what is chosen by it does not hang on other problems."""
    return int(content_key("place", problem_key)[:16], 16)


def identity_of(rows: Sequence[TokenRow]) -> str:
    """Return a key of everything that training sees of rows; those on disk know it."""
    if isinstance(rows, Rows):
        return rows.identity
    return content_key([content_key(row.ids, row.segments.hex(), row.weight) for row in rows])


def _number_trained(row: TokenRow) -> int:
    """As many positions as `trained` has: the first token has nothing before it to be predicted from."""
    return sum(row.segments.count(segment, 1) for segment in TRAINED)


def _dropped(shards: Sequence[dict[str, Any]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for shard in shards:
        found.update(shard["dropped"])
    return found
