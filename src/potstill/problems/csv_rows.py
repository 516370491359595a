"""Rows of a CSV or TSV file, as spreadsheets write them too."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from potstill.errors import DataError
from potstill.problems.cells import Row
from potstill.problems.lines import ByteBudget, lines

MOST_COLUMNS = 10_000
_OTHERS = {";": "semicolons", "\t": "tabs"}
"""What separates the columns of spreadsheets in other countries; a comma within a header has the last word."""


def read_csv(path: Path, most: int, delimiter: str | None) -> Iterator[tuple[str, Row]]:
    """Yield (`line 7`, row) for each row below the header; a row's line is its first.

    Empty rows, and empty columns without a name, are passed over. Without a `delimiter` a first line `sep=;` says it,
    else a header that has semicolons or tabs and no comma.
    """
    csv.field_size_limit(most)  # the default of 128 KiB is less than one long trace
    budget = ByteBudget(path, most)
    feed = lines(path, budget)
    first = next(feed, None)
    if first is not None and first[1].startswith("sep=") and len(first[1].rstrip("\r\n")) == 5:
        delimiter, first = delimiter or first[1][4], next(feed, None)
    if first is None:
        return
    start = first[0]
    delimiter = delimiter or _delimiter(first[1])
    reader = csv.reader((text for _, text in _chained(first, feed)), delimiter=delimiter, strict=True)
    before = start - 1
    header: list[str] | None = None
    try:
        for values in reader:
            place, start = f"line {start}", before + reader.line_num + 1
            if not any(value.strip() for value in values):
                continue
            if header is None:
                header = header_of(path, values)
            else:
                yield place, _row(path, place, header, values)
            budget.row()
    except csv.Error as error:
        raise DataError(f"{path}: line {start} is not CSV: {' '.join(str(error).split())[:200]}") from error


def _chained(first: tuple[int, str], rest: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield first
    yield from rest


def _delimiter(header: str) -> str:
    names = next(csv.reader([header]), [])
    if len(names) == 1:
        counts = {mark: header.count(mark) for mark in _OTHERS}
        mark = max(counts, key=counts.__getitem__)
        if counts[mark]:
            return mark
    return ","


def header_of(path: Path, values: list[str]) -> list[str]:
    """Return the names of the columns, without empty ones at the end; raises DataError for one that stands twice."""
    names = [value.strip() for value in values]
    while not names[-1]:
        names.pop()
    if len(names) > MOST_COLUMNS:
        raise DataError(f"{path}: the header names {len(names):,} columns, more than {MOST_COLUMNS:,}")
    known: set[str] = set()
    for name in names:
        if name and name in known:
            raise DataError(f"{path}: the header names the column {name!r} twice")
        known.add(name)
    return names


def _row(path: Path, place: str, header: list[str], values: list[str]) -> Row:
    if len(values) > len(header) and not any(values[len(header) :]):
        values = values[: len(header)]
    if len(values) != len(header):
        raise DataError(
            f"{path}: {place} has {len(values)} fields where the header has {len(header)}; "
            "if another mark than the header's parts its fields, name it in `delimiter`"
        )
    row = dict(zip(header, values, strict=True))
    if "" in row:
        for name, value in zip(header, values, strict=True):
            if not name and value:
                raise DataError(f"{path}: {place} has {value[:60]!r} in a column without a name: name it in the header")
        del row[""]
    return row
