"""Rows of a Parquet file, a bounded batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from potstill.errors import DataError
from potstill.problems.cells import ArrowRows, Row
from potstill.problems.lines import size_of

_ROWS = 256
_BATCH_BYTES = 128 * 2**20
"""Of one column in one batch, and of what may be unpacked unseen."""
_PACKED = 20
"""A column that unpacks to more than so many times its size, and is large then, is refused."""
_PREFIXED = "DELTA_BYTE_ARRAY"
"""An encoding of texts by what they share with the one before."""
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8, "BYTE_ARRAY": 4}


def read_parquet(path: Path, most: int) -> Iterator[tuple[str, Row]]:
    """Yield (`row 7`, row), numbered from 1; a row of more than `most` bytes is an error.

    Texts are read as indices into a dictionary, so that a value that is repeated stands in memory once.
    """
    import pyarrow
    from pyarrow import parquet

    number = 0
    try:
        with parquet.ParquetFile(path) as plain:
            schema, texts = plain.schema_arrow, _texts(plain.metadata)
        ArrowRows(schema, str(path), most)  # names that stand twice are told before anything is read
        with parquet.ParquetFile(path, read_dictionary=texts) as file:
            rows = ArrowRows(file.schema_arrow, str(path), most)
            for group in range(file.metadata.num_row_groups):
                size = _batch(file.metadata.row_group(group), file.metadata.schema, f"{path}: after row {number}", most)
                for batch in file.iter_batches(batch_size=size, row_groups=[group], use_threads=False):
                    for index in range(batch.num_rows):
                        number += 1
                        place = f"row {number}"
                        yield place, rows.row(batch, index, place)
    except (pyarrow.ArrowException, MemoryError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"{path} is not a whole Parquet file (after row {number}): {told}") from error


def _texts(metadata: Any) -> list[str]:  # noqa: ANN401 - pyarrow is untyped
    """Return the paths of the columns of texts that can be read as dictionaries."""
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    return [
        metadata.schema.column(index).path
        for index in range(metadata.num_columns)
        if metadata.schema.column(index).physical_type == "BYTE_ARRAY"
        and not any(_PREFIXED in group.column(index).encodings for group in groups)
    ]


def _batch(group: Any, schema: Any, after: str, most: int) -> int:  # noqa: ANN401 - pyarrow is untyped
    """Return how many rows of a row group to read at once; raises DataError for a column that unpacks to gigabytes."""
    rows = _ROWS
    for index in range(group.num_columns):
        chunk, column = group.column(index), schema.column(index)
        packed, unpacked = chunk.total_compressed_size, chunk.total_uncompressed_size
        held = chunk.num_values * (column.length or _WIDTHS.get(chunk.physical_type, 8))
        for size in (unpacked, held if column.max_repetition_level else 0):
            if size > _BATCH_BYTES and size > _PACKED * packed:
                raise DataError(
                    f"{after}: the column {chunk.path_in_schema!r} unpacks from {size_of(packed)} to {size_of(size)}"
                )
        if _PREFIXED in chunk.encodings:  # each value may be as long as all that is stored
            rows = min(rows, max(1, most // max(1, unpacked)))
    return rows
