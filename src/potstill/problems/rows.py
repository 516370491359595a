"""Files of rows: JSONL, CSV and Parquet, streamed, with the line or row number of each.

Every way in which such a file can be broken ends in one `DataError` that names the file and the place.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from potstill.errors import DataError, nearest

Row = dict[str, Any]
_FIELD_CHARACTERS = 1 << 27
_PARQUET_ROWS = 256
_GZIP_MAGIC = b"\x1f\x8b"


def read_rows(name: str, data: Path, where: str) -> Iterator[tuple[str, Row]]:
    """Yield (place, row) of the file `name`, relative to the folder `data`; a place reads `line 7` or `row 7`.

    Line numbers count the lines of the file from 1 (a CSV's header is line 1), row numbers the rows of a Parquet file
    from 1. Raises DataError naming the file and the place, or `where` (a key of the recipe) for a file that is absent.
    """
    path = find(name, data, where)
    reader = _READERS[_format(path)]
    empty = True
    try:
        for place, row in reader(path):
            empty = False
            yield place, row
    except OSError as error:  # gzip's BadGzipFile is one too
        raise DataError(f"{path} cannot be read: {_line(error)}") from error
    if empty:
        raise DataError(f"{path} holds no rows")


def stem(name: str) -> str:
    """Return a file's name without folder and format: `a/b.jsonl.gz` gives `b`."""
    path = Path(name)
    path = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return path.stem


def find(name: str, data: Path, where: str) -> Path:
    """Return the path of the file `name`; raises DataError unless it is there and of a known format."""
    path = data / Path(name).expanduser()
    if path.is_dir():
        raise DataError(f"{where}: {path} is a folder, not a file")
    if path.exists():
        if _format(path) not in _READERS:
            known = ".jsonl, .jsonl.gz, .csv, .csv.gz, .parquet"
            raise DataError(f"{where}: {path.name} is of no known format (known: {known})")
        return path
    folder = path.parent
    if not folder.is_dir():
        raise DataError(f"{where}: no file {path}, and no folder {folder}")
    raise DataError(f"{where}: no file {path}{nearest(path.name, sorted(p.name for p in folder.iterdir()))}")


def _format(path: Path) -> str:
    """Return the suffix that names the format; a zipped Parquet file is of none."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] != [".gz"]:
        return suffixes[-1] if suffixes else ""
    return "" if suffixes[-2:] == [".parquet", ".gz"] or len(suffixes) < 2 else suffixes[-2]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of each line, its end included; a byte order mark at the start is dropped."""
    number = 0
    with _open(path) as stream:
        try:
            for number, line in enumerate(stream, 1):
                raw = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if number == 1 and raw.startswith(_GZIP_MAGIC):
                    raise DataError(f"{path} is compressed with gzip: give it a name that ends in .gz")
                if b"\0" in raw:
                    raise DataError(f"{path}: line {number} holds NUL bytes; is this a text file, in UTF-8?")
                yield number, raw.decode("utf-8")
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise DataError(f"{path}: line {number} is not UTF-8 (byte 0x{byte:02x} at {error.start + 1})") from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{path} is not a whole gzip file (after line {number}): {_line(error)}") from error


def _open(path: Path) -> gzip.GzipFile | BinaryIO:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rb")
    return path.open("rb")


def _jsonl(path: Path) -> Iterator[tuple[str, Row]]:
    for number, text in _lines(path):
        if not text.strip():
            continue
        try:
            row = json.loads(text, parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}: line {number} is not JSON: {error.msg} at character {error.pos + 1}") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: line {number} is not JSON: {_line(error)}") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}: line {number} is not a JSON object but {_json_kind(row)}")
        yield f"line {number}", row


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _json_kind(value: object) -> str:
    if isinstance(value, list):
        return "a list"
    return "text" if isinstance(value, str) else repr(value)


def _csv(path: Path) -> Iterator[tuple[str, Row]]:
    csv.field_size_limit(_FIELD_CHARACTERS)  # the default of 128 KiB is less than one long trace
    reader = csv.reader((text for _, text in _lines(path)), strict=True)
    header: list[str] | None = None
    start = 1
    try:
        for values in reader:
            place, start = f"line {start}", reader.line_num + 1
            if not values:
                continue
            if header is None:
                header = _header(path, values)
                continue
            if len(values) != len(header):
                raise DataError(f"{path}: {place} has {len(values)} fields where the header has {len(header)}")
            yield place, dict(zip(header, values, strict=True))
    except csv.Error as error:
        raise DataError(f"{path}: line {start} is not CSV: {_line(error)}") from error


def _header(path: Path, values: list[str]) -> list[str]:
    names = [value.strip() for value in values]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{path}: the header names the column {name!r} twice")
    return names


def _parquet(path: Path) -> Iterator[tuple[str, Row]]:
    import pyarrow
    from pyarrow import parquet

    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_PARQUET_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a whole Parquet file (after row {number}): {_line(error)}") from error


def _line(error: BaseException) -> str:
    """Return an error's text as one short line."""
    return " ".join(str(error).split())[:200] or type(error).__name__


_READERS: dict[str, Callable[[Path], Iterator[tuple[str, Row]]]] = {
    ".jsonl": _jsonl,
    ".csv": _csv,
    ".parquet": _parquet,
}
