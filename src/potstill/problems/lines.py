"""The lines of a file of text, compressed or not: bounded, in UTF-8, each with its number.

No line, and no run of empty lines, is held or read beyond a bound: what unpacks to gigabytes ends in one line that
names the file and the place.
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import itertools
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from potstill.errors import DataError

COMPRESSED = (".gz", ".zst")
"""Suffixes behind that of the format."""
_LEAST_ROW_BYTES = 16 * 2**20
_PER_TEXT = 16
"""A row may hold as many of the longest texts, and always 16 MB."""
_CHUNK = 2**20
_GZIP_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
"""Byte order marks, the longer first: that of UTF-16 begins that of UTF-32."""
_LINE_COST = 32
"""What a line counts beside its bytes, so that millions of empty ones end too."""


class ByteBudget:
    """Bytes read since the last row; `row` is told by the reader, and more than `most` is an error."""

    def __init__(self, path: Path, most: int) -> None:
        self.path, self.most = path, most
        self._used, self._first = 0, 0

    def spend(self, line: int, size: int) -> None:
        """Count a line; raises DataError for a row, or a run of empty ones, that goes beyond the bound."""
        self._first = self._first or line
        self._used += size + _LINE_COST
        if self._used > self.most:
            till = f"line {self._first}" if line == self._first else f"lines {self._first} to {line}"
            told = f"more than {size_of(self.most)} without the end of a row (a larger max_characters allows more)"
            raise DataError(f"{self.path}: {till}: {told}")

    def row(self) -> None:
        """Start again: a row has ended."""
        self._used = self._first = 0


def row_bytes(max_characters: int) -> int:
    """Return how many bytes a row may take where its texts may have so many characters."""
    return max(_LEAST_ROW_BYTES, _PER_TEXT * max_characters)


def size_of(count: float) -> str:
    """Return a number of bytes as people read it."""
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.0f} MB"


def lines(path: Path, budget: ByteBudget) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of each line, its end included: LF, CR LF or CR. A byte order mark is dropped.

    The consumer calls `budget.row` whenever a row has ended.

    Raises:
        DataError: the file is not what its name says, holds NUL or is not UTF-8 or UTF-16; names the line.
        OSError: it cannot be read.
    """
    number, rest, held = 0, [b""], 0
    for chunk in bytes_of(path):
        rest.append(chunk)
        held += len(chunk)
        if b"\n" not in chunk and b"\r" not in chunk:
            if held > budget.most:
                budget.spend(number + 1, held)
            continue
        whole = b"".join(rest).splitlines(keepends=True)
        # The last one may go on; and a CR may be followed by its LF.
        rest = [whole.pop() if not whole[-1].endswith(b"\n") else b""]
        held = len(rest[0])
        for raw in whole:
            number += 1
            budget.spend(number, len(raw))
            yield number, _text(path, number, raw)
    for raw in b"".join(rest).splitlines(keepends=True):
        number += 1
        budget.spend(number, len(raw))
        yield number, _text(path, number, raw)


def _text(path: Path, number: int, raw: bytes) -> str:
    if b"\0" in raw:
        raise DataError(f"{path}: line {number} holds NUL bytes; is this a text file, in UTF-8?")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise DataError(
            f"{path}: line {number} is not UTF-8 (byte 0x{byte:02x} at {error.start + 1}); "
            "save it as UTF-8 (a spreadsheet calls that CSV UTF-8)"
        ) from error


def bytes_of(path: Path) -> Iterator[bytes]:
    """Yield the bytes of the file in UTF-8 whatever its byte order mark says, without the mark."""
    chunks = _unpacked(path)
    first = next(chunks, b"")
    for magic, name, suffix in ((_GZIP_MAGIC, "gzip", ".gz"), (_ZSTD_MAGIC, "zstd", ".zst")):
        if first.startswith(magic):
            raise DataError(f"{path} is compressed with {name}: give it a name that ends in {suffix}")
    mark, encoding = next((found for found in _MARKS if first.startswith(found[0])), (b"", "utf-8"))
    if encoding == "utf-8":
        yield first[len(mark) :]
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in itertools.chain((first,), chunks):
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError as error:
        raise DataError(f"{path} is not {encoding.upper()}, as its byte order mark says: {error}") from error


def _unpacked(path: Path) -> Iterator[bytes]:
    suffix = path.suffix.lower()
    done = 0
    try:
        with contextlib.closing(_open(path, suffix)) as stream:
            while chunk := stream.read(_CHUNK):
                done += len(chunk)
                yield chunk
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path} is not a whole gzip file (after {done:,} bytes): {error}") from error
    except OSError as error:  # gzip's BadGzipFile is one too, and so is what pyarrow says of zstd
        if suffix not in COMPRESSED or error.errno is not None:
            raise
        kind = "gzip" if suffix == ".gz" else "zstd"
        raise DataError(f"{path} is not a whole {kind} file (after {done:,} bytes): {error}") from error


def _open(path: Path, suffix: str) -> IO[bytes] | Any:  # noqa: ANN401 - pyarrow's stream is untyped
    if suffix == ".gz":
        return gzip.open(path, "rb")
    if suffix == ".zst":
        import pyarrow

        return pyarrow.CompressedInputStream(pyarrow.OSFile(str(path)), "zstd")
    return path.open("rb")
