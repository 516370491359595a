"""Problems in files: JSONL, JSON, CSV, TSV, XLSX or Parquet, with a column mapping."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from potstill.problems import columns
from potstill.problems.rows import FileRows, find, stem
from potstill.recipe import Source
from potstill.records import Problem


def read(name: str, source: Source, *, seed: int, data: Path, where: str) -> Iterator[Problem]:
    """Yield the problems of the file, folder or pattern `name` (relative to `data`), in order; `seed` plays no part.

    Raises DataError naming the file and the line or row.
    """
    del seed
    found = FileRows(
        name=name, data=data, where=f"{where}.file", delimiter=source.delimiter, max_characters=source.max_characters
    )
    return columns.problems(found, source, file=name, prefix=stem(name), label=f"file:{name}", where=where)


def check(name: str, source: Source, *, data: Path, where: str) -> None:
    """Raise DataError unless the file is there and of a known format."""
    del source
    find(name, data, f"{where}.file")
