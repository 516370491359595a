"""Records as the bytes of a Parquet part, and back: equal records give equal bytes. Pure but for `count`."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from potstill.errors import StoreError
from potstill.records import SCHEMA

if typing.TYPE_CHECKING:
    import pyarrow as pa

R = TypeVar("R")


def encode(rows: Sequence[R], record: type[R]) -> bytes:
    """Return a part with these rows; there may be none."""
    import pyarrow as pa

    schema, _ = schema_of(record)
    columns = [[clean(getattr(row, name)) for row in rows] for name in schema.names]
    return encode_columns([pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], record)


def encode_columns(columns: Sequence[pa.Array], record: type) -> bytes:
    """Return a part whose rows stand in columns, in the order of the record's fields; the same bytes as from rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_arrays(list(columns), schema=schema_of(record)[0])
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def encode_table(table: pa.Table, record: type) -> bytes:
    """Return a part with the columns of a record among those of a table; the same bytes as from rows."""
    return encode_columns([array_of(table.column(field.name), field.type) for field in schema_of(record)[0]], record)


def array_of(values: Any, kind: pa.DataType) -> pa.Array:  # noqa: ANN401 - a list, or a column of a table
    """Return values as one array of a type."""
    import pyarrow as pa

    if isinstance(values, list):
        return pa.array(values, kind)
    return pa.concat_arrays(values.cast(kind).chunks) if values.num_chunks else pa.array([], kind)


def columns_of(data: bytes, names: Sequence[str]) -> pa.Table:
    """Return some columns of the rows in the bytes of a part, as Arrow has them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.ParquetFile(pa.BufferReader(data)).read(columns=list(names), use_threads=False)


def decode(
    data: bytes, part: Path, record: type[R], start: int = 0, stop: int | None = None, without: Sequence[str] = ()
) -> Iterator[R]:
    """Yield the records from number `start` up to `stop` in the bytes of a part, a batch of them as objects at a time.

    The texts of the fields `without` are not read and empty.

    Raises:
        StoreError: they were written with other fields; `part` is what the message calls it.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    _, tuples = schema_of(record)
    file = pq.ParquetFile(pa.BufferReader(data))
    version = (file.schema_arrow.metadata or {}).get(b"potstill.schema", b"?").decode()
    if version != str(SCHEMA):
        raise StoreError(f"{part} has record schema {version}, this potstill reads {SCHEMA}: remove {part.parent}")
    columns = [name for name in file.schema_arrow.names if name not in without] if without else None
    empty, at = dict.fromkeys(without, ""), 0
    for batch in file.iter_batches(batch_size=512, columns=columns):
        first, last = max(0, start - at), batch.num_rows if stop is None else min(batch.num_rows, stop - at)
        at += batch.num_rows
        for row in batch.slice(first, last - first).to_pylist() if first < last else ():
            for name in tuples:
                row[name] = tuple(row[name])
            yield record(**row, **empty)


def reader(parts: Iterable[bytes], record: type) -> pa.RecordBatchReader:
    """Return a reader of the rows in the bytes of parts, each read when its turn comes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, _ = schema_of(record)
    batches = (
        pa.RecordBatch.from_arrays(batch.columns, schema=schema)
        for part in parts
        for batch in pq.ParquetFile(pa.BufferReader(part)).iter_batches()
    )
    return pa.RecordBatchReader.from_batches(schema, batches)


def record_of(data: bytes) -> str:
    """Return the name of the record that the bytes of a part hold."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata = pq.read_schema(pa.BufferReader(data)).metadata or {}
    return str(metadata.get(b"potstill.record", b"").decode())


def count(part: Path) -> int:
    """Return how many rows a part says it has."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(part).num_rows)


def schema_of(record: type) -> tuple[pa.Schema, frozenset[str]]:
    """Return the Arrow schema of a record and the fields that are tuples."""
    import pyarrow as pa

    simple = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(), bytes: pa.binary()}
    hints = typing.get_type_hints(record)
    columns, tuples = [], set()
    for item in dataclasses.fields(record):
        hint = hints[item.name]
        nullable = False
        if typing.get_origin(hint) in (typing.Union, types.UnionType):
            options = [option for option in typing.get_args(hint) if option is not type(None)]
            hint, nullable = options[0], True
        if typing.get_origin(hint) is typing.Literal or (isinstance(hint, type) and issubclass(hint, str)):
            hint = str
        if typing.get_origin(hint) is tuple:
            tuples.add(item.name)
            kind = pa.list_(simple[typing.get_args(hint)[0]])
        else:
            kind = simple[hint]
        columns.append(pa.field(item.name, kind, nullable=nullable))
    metadata = {"potstill.record": record.__name__, "potstill.schema": str(SCHEMA)}
    return pa.schema(columns, metadata=metadata), frozenset(tuples)


def clean(value: Any) -> Any:  # noqa: ANN401 - a record's field
    """Lone surrogates (half a character in a model's JSON) have no UTF-8 form; they become U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if not value.isascii() else value
    if isinstance(value, tuple):
        return [clean(item) for item in value]
    return value
