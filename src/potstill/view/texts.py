"""The texts behind the index: one response from its part, and a search through all of them that streams its hits."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from potstill.errors import DataError, StoreError
from potstill.records import Measure, Trace
from potstill.view.index import Index

if TYPE_CHECKING:
    import pyarrow as pa

HELD_BYTES = 96_000_000
"""Parts that stay in memory, together."""
LONGEST_WORDS = 400
"""Characters that one may search for."""
AROUND = 60
"""Bytes of text shown on each side of what was found."""
_RECORDS: dict[str, type[Trace] | type[Measure]] = {"Trace": Trace, "Measure": Measure}


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A response in which the words stand: its row, and the text around the first place, in `field`."""

    row: int
    field: str
    before: str
    found: str
    after: str


class ResponseTexts:
    """Reads responses of an index; may be called from several threads."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._held: OrderedDict[int, pa.Table] = OrderedDict()
        self._lock = threading.Lock()

    def record(self, number: int) -> Trace | Measure:
        """Return the response of a row of the index.

        Raises:
            StoreError: its part was removed or changed since the index was built.
        """
        row = self.index.row(number)
        kind = _RECORDS[self.index.parts[row["part"]].record]
        with self._lock:
            table = self._table(row["part"])
        if row["row"] >= table.num_rows:
            raise StoreError(f"{self.index.parts[row['part']].path} was changed: start the viewer again")
        return kind(**table.slice(row["row"], 1).to_pylist()[0])

    def _table(self, part: int) -> pa.Table:
        if part in self._held:
            self._held.move_to_end(part)
            return self._held[part]
        table = self._read(part, None)
        self._held[part] = table
        while len(self._held) > 1 and sum(one.nbytes for one in self._held.values()) > HELD_BYTES:
            self._held.popitem(last=False)
        return table

    def _read(self, part: int, columns: list[str] | None) -> pa.Table:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.index.parts[part].path
        try:
            return pq.read_table(path, columns=columns, use_threads=False)
        except (OSError, pa.ArrowInvalid) as error:
            raise StoreError(f"{path} cannot be read any more: start the viewer again") from error

    def search(self, words: str, numbers: Sequence[int], *, pattern: bool = False) -> Iterator[Hit | int]:
        """Yield what is found in these rows of the index, in their order by part; and, part by part, rows looked at.

        Capitals make no difference. With `pattern` the words are a regular expression of RE2, which takes time linear
        in the text. Questions count as text of every response to them.

        Raises:
            DataError: there are no words, too many, or the expression is none.
        """
        find = _Finder(words, pattern=pattern)
        asked = find.problems(self.index)
        parts, rows = self.index.rows["part"], self.index.rows["row"]
        import pyarrow as pa

        wanted = pa.array(numbers, pa.int64())
        places = zip(wanted.to_pylist(), parts.take(wanted).to_pylist(), rows.take(wanted).to_pylist(), strict=True)
        for part, group in groupby(places, key=lambda place: place[1]):
            members = list(group)
            by_row = {row: number for number, _, row in members}
            table = self._read(part, ["problem_key", "reasoning", "answer"])
            yield from find.hits(table, by_row, asked)
            yield len(members)


class _Finder:
    def __init__(self, words: str, *, pattern: bool) -> None:
        if not words.strip() or len(words) > LONGEST_WORDS:
            raise DataError(f"search for 1 to {LONGEST_WORDS} characters, not {len(words)}")
        self.words, self.pattern = words, pattern
        self._ask(_texts(["x"]))

    def _ask(self, texts: Any) -> Any:  # noqa: ANN401 - Arrow arrays: texts in, where the words begin out (-1: nowhere)
        import pyarrow as pa
        import pyarrow.compute as pc

        try:
            if self.pattern:
                return pc.find_substring_regex(texts, self.words, ignore_case=True)
            return pc.find_substring(texts, self.words, ignore_case=True)
        except pa.ArrowInvalid as error:
            told = " ".join(str(error).split())[:160]
            raise DataError(f"{self.words[:40]!r} is no regular expression: {told}") from None

    def problems(self, index: Index) -> dict[str, tuple[str, int]]:
        """Return the questions in which the words stand, by the key of their problems, and where."""
        places = self._ask(index.problems["question"]).to_pylist()
        found = [number for number, place in enumerate(places) if place is not None and place >= 0]
        return {
            row["key"]: (row["question"], places[number])
            for number in found
            for row in [index.problems.slice(number, 1).select(["key", "question"]).to_pylist()[0]]
        }

    def hits(self, table: pa.Table, by_row: dict[int, int], asked: dict[str, tuple[str, int]]) -> Iterator[Hit]:
        """Yield the hits of a part: in the answer, in the reasoning, or in the question."""
        import pyarrow.compute as pc

        places: dict[int, tuple[str, int]] = {}
        for name in ("reasoning", "answer"):
            starts = self._ask(table[name]).combine_chunks()
            there = pc.indices_nonzero(pc.greater_equal(starts, 0))
            for row, start in zip(there.to_pylist(), starts.take(there).to_pylist(), strict=True):
                places[row] = (name, start)
        if asked:
            import pyarrow as pa

            mask = pc.is_in(table["problem_key"], value_set=pa.array(list(asked)))
            for row in pc.indices_nonzero(mask).to_pylist():
                places.setdefault(row, ("question", 0))
        for row in sorted(set(places) & set(by_row)):
            name, start = places[row]
            if name == "question":
                text, start = asked[table["problem_key"][row].as_py()]
            else:
                text = table[name][row].as_py()
            yield self._hit(by_row[row], name, text, start)

    def _hit(self, number: int, name: str, text: str, start: int) -> Hit:
        data = text.encode("utf-8", "replace")
        end = start + (len(self.words.encode("utf-8", "replace")) if not self.pattern else 40)
        before, found, after = data[max(0, start - AROUND) : start], data[start:end], data[end : end + AROUND]
        around = {"before": before, "found": found, "after": after}
        return Hit(row=number, field=name, **{key: piece.decode("utf-8", "ignore") for key, piece in around.items()})


def _texts(texts: list[str]) -> pa.Array:
    import pyarrow as pa

    return pa.array(texts, pa.string())
