"""Files of rows: JSON, JSONL, CSV, TSV and Parquet, streamed, with the line or row number of each.

Every way in which such a file can be broken ends in one `DataError` that names the file and the place. Problems,
traces, worked examples and the files of `potstill verify` and `steps` are all read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from potstill.errors import DataError, nearest
from potstill.problems.cells import Row
from potstill.problems.csv_rows import read_csv
from potstill.problems.json_rows import read_json, read_jsonl
from potstill.problems.lines import COMPRESSED, row_bytes
from potstill.problems.parquet_rows import read_parquet
from potstill.recipe import Source


@dataclass(frozen=True, kw_only=True)
class FileRows:
    """The rows of the file `name`, relative to the folder `data`: (place, row), as often as one iterates.

    A place reads `line 7` or `row 7`. Line numbers count the lines of the file from 1 (a CSV's header is line 1), row
    numbers the rows from 1. `where`, a key of the recipe, names a file that is absent.
    """

    name: str
    data: Path
    where: str
    delimiter: str | None = None
    max_characters: int = Source.max_characters

    def __iter__(self) -> Iterator[tuple[str, Row]]:
        """Read the file; raises DataError naming it and the place."""
        path = find(self.name, self.data, self.where)
        most = row_bytes(self.max_characters)
        empty = True
        try:
            for place, row in _READERS[form_of(path)](path, most, self.delimiter):
                empty = False
                yield place, row
        except OSError as error:
            raise DataError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from error
        if empty:
            raise DataError(f"{path} holds no rows")


def stem(name: str) -> str:
    """Return a file's name without folder and format: `a/b.jsonl.gz` gives `b`."""
    path = Path(name)
    path = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    return path.stem


def find(name: str, data: Path, where: str) -> Path:
    """Return the path of the file `name`; raises DataError unless it is there and of a known format."""
    path = data / Path(name).expanduser()
    if path.is_dir():
        raise DataError(f"{where}: {path} is a folder, not a file")
    if path.exists():
        if form_of(path) not in _READERS:
            raise DataError(f"{where}: {path.name} is of no known format (known: {', '.join(_READERS)}; .gz, .zst)")
        return path
    folder = path.parent
    if not folder.is_dir():
        raise DataError(f"{where}: no file {path}, and no folder {folder}")
    raise DataError(f"{where}: no file {path}{nearest(path.name, sorted(p.name for p in folder.iterdir()))}")


def form_of(path: Path) -> str:
    """Return the suffix that names the format; a zipped Parquet file is of none."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if not suffixes or suffixes[-1] not in COMPRESSED:
        return suffixes[-1] if suffixes else ""
    return "" if len(suffixes) < 2 or suffixes[-2] == ".parquet" else suffixes[-2]


TEXTS = (".jsonl", ".json", ".csv", ".tsv")
_READERS: dict[str, Callable[[Path, int, str | None], Iterator[tuple[str, Row]]]] = {
    ".jsonl": lambda path, most, delimiter: read_jsonl(path, most),
    ".json": lambda path, most, delimiter: read_json(path, most),
    ".csv": read_csv,
    ".tsv": lambda path, most, delimiter: read_csv(path, most, delimiter or "\t"),
    ".parquet": lambda path, most, delimiter: read_parquet(path, most),
}
