"""A table of a run: its records one by one, as Arrow, or as pandas where that is installed."""

from __future__ import annotations

import dataclasses
import html
import importlib.util
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from potstill import records
from potstill.errors import PotstillError
from potstill.report.display import label
from potstill.store import Committed

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

R = TypeVar("R")
RECORDS: dict[str, type] = {
    record.__name__: record
    for record in (
        records.Problem, records.Trace, records.Verdict, records.Group, records.Score, records.Label, records.Example,
        records.Drop, records.Measure,
    )
}  # fmt: skip
"""What a part says of its rows -> their class."""
SHOWN_ROWS = 10
SHOWN_CHARACTERS = 60


class RecordTable(Generic[R]):
    """The rows of one table, in order; they are read from the disk as they are asked for, and checked."""

    def __init__(self, output: Committed, name: str) -> None:
        self.output, self.name = output, name
        self.record: type[R] = RECORDS[output.record(name)]

    def __len__(self) -> int:
        return self.output.total(self.name)

    def __iter__(self) -> Iterator[R]:
        return self.output.rows(self.name, self.record)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the fields."""
        return tuple(field.name for field in dataclasses.fields(self.record))  # type: ignore[arg-type]

    def arrow(self) -> pa.Table:
        """Return the whole table in memory."""
        return self.batches().read_all()

    def batches(self) -> pa.RecordBatchReader:
        """Return a reader that holds one part at a time, for tables that do not fit the memory."""
        return self.output.batches(self.name, self.record)

    def pandas(self) -> pd.DataFrame:
        """Return the whole table as a data frame.

        Raises:
            PotstillError: pandas is not installed.
        """
        if importlib.util.find_spec("pandas") is None:
            raise PotstillError("a data frame needs pandas: pip install pandas, or take .arrow()")
        return self.arrow().to_pandas()

    def __repr__(self) -> str:
        return f"<{len(self):,} rows of {self.record.__name__}: {', '.join(self.columns)}>"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        rows = "".join(f"<tr>{''.join(map(self._cell, self.columns, [row] * len(self.columns)))}</tr>"
                       for row in islice(self, SHOWN_ROWS))  # fmt: skip
        more = f"<p>{SHOWN_ROWS} of {len(self):,} rows</p>" if len(self) > SHOWN_ROWS else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}"

    def _cell(self, name: str, row: R) -> str:
        value = getattr(row, name)
        return f"<td>{html.escape('' if value is None else label(str(value), SHOWN_CHARACTERS))}</td>"
