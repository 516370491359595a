"""Files of rows: JSON, JSONL, CSV, TSV, XLSX and Parquet, streamed, with the line or row number of each.

Every way in which such a file can be broken ends in one `DataError` that names the file and the place. Problems,
traces, worked examples and the files of `potstill verify` and `steps` are all read here.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from potstill.errors import DataError, nearest
from potstill.problems.cells import Row
from potstill.problems.csv_rows import read_csv
from potstill.problems.json_rows import read_json, read_jsonl
from potstill.problems.lines import COMPRESSED, row_bytes
from potstill.problems.parquet_rows import read_parquet
from potstill.problems.xlsx_rows import read_xlsx
from potstill.recipe import Source


@dataclass(frozen=True, kw_only=True)
class FileRows:
    """The rows of the file `name`, relative to the folder `data`: (place, row), as often as one iterates.

    A folder stands for the files of known formats in it, a pattern such as `part-*.jsonl` for those that it fits; they
    are read in the order of their names. A place reads `line 7` or `row 7`, of several files `b.jsonl: line 7`. Line
    numbers count the lines of the file from 1 (a CSV's header is line 1), row numbers the rows from 1. `where`, a key
    of the recipe, names a file that is absent.
    """

    name: str
    data: Path
    where: str
    delimiter: str | None = None
    max_characters: int = Source.max_characters

    def __iter__(self) -> Iterator[tuple[str, Row]]:
        """Read the file; raises DataError naming it and the place."""
        one = means_one(self.name, self.data)
        for file, path in named(find(self.name, self.data, self.where)):
            for place, row in self._read(path):
                yield place if one else f"{file}: {place}", row

    def _read(self, path: Path) -> Iterator[tuple[str, Row]]:
        empty = True
        try:
            for place, row in _READERS[form_of(path)](path, row_bytes(self.max_characters), self.delimiter):
                empty = False
                yield place, row
        except OSError as error:
            raise DataError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from error
        if empty:
            raise DataError(f"{path} holds no rows")


def stem(name: str) -> str:
    """Return a file's name without folder and format: `a/b.jsonl.gz` gives `b`, and so does `a/b/*.jsonl`."""
    path = Path(name)
    if is_pattern(path.name):
        path = next((part for part in path.parents if part.name and not is_pattern(part.name)), Path("files"))
    path = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    return path.stem


def row_id(prefix: str, place: str) -> str:
    """Return the id of a row without one: `p-7` of `line 7`, `p-b-7` of `b.jsonl: line 7`."""
    file, _, own = place.rpartition(": ")
    return "-".join(filter(None, (prefix, file and str(Path(file).with_name(stem(file))), own.split()[-1])))


def is_pattern(name: str) -> bool:
    """Return whether a name is a pattern of names, such as `part-*.jsonl`."""
    return glob.has_magic(name)


def matched(name: str, data: Path) -> list[Path]:
    """Return the files that a name means, in order: itself, those of a folder, those that a pattern fits."""
    path = data / Path(name).expanduser()
    if path.is_dir():
        return sorted(each for each in path.iterdir() if each.is_file() and form_of(each) in _READERS)
    if not path.exists() and is_pattern(name):
        return sorted(each for each in map(Path, glob.glob(str(path), recursive=True)) if each.is_file())
    return [path]


def means_one(name: str, data: Path) -> bool:
    """Return whether a name is that of one file, there or not."""
    path = data / Path(name).expanduser()
    return not path.is_dir() and (path.exists() or not is_pattern(name))


def named(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return files with their names below the folder that all of them are in."""
    shared = os.path.commonpath([path.parent for path in paths]) if paths else ""
    return [(path.relative_to(shared).as_posix(), path) for path in paths]


def find(name: str, data: Path, where: str) -> list[Path]:
    """Return the paths that `name` means; raises DataError unless each is there and of a known format."""
    paths = matched(name, data)
    if not paths:
        what = "no file in it has" if (data / Path(name).expanduser()).is_dir() else "there is no such file of"
        raise DataError(f"{where}: {data / name}: {what} a known format (known: {', '.join(_READERS)}; .gz, .zst)")
    return [_known(path, where) for path in paths]


def _known(path: Path, where: str) -> Path:
    if path.exists():
        if form_of(path) not in _READERS:
            raise DataError(f"{where}: {path.name} is of no known format (known: {', '.join(_READERS)}; .gz, .zst)")
        return path
    folder = path.parent
    if not folder.is_dir():
        raise DataError(f"{where}: no file {path}, and no folder {folder}")
    raise DataError(f"{where}: no file {path}{nearest(path.name, sorted(p.name for p in folder.iterdir()))}")


def form_of(path: Path) -> str:
    """Return the suffix that names the format; a zipped Parquet or XLSX file is of none."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if not suffixes or suffixes[-1] not in COMPRESSED:
        return suffixes[-1] if suffixes else ""
    return "" if len(suffixes) < 2 or suffixes[-2] in (".parquet", ".xlsx") else suffixes[-2]


TEXTS = (".jsonl", ".json", ".csv", ".tsv")
_READERS: dict[str, Callable[[Path, int, str | None], Iterator[tuple[str, Row]]]] = {
    ".jsonl": lambda path, most, delimiter: read_jsonl(path, most),
    ".json": lambda path, most, delimiter: read_json(path, most),
    ".csv": read_csv,
    ".tsv": lambda path, most, delimiter: read_csv(path, most, delimiter or "\t"),
    ".parquet": lambda path, most, delimiter: read_parquet(path, most),
    ".xlsx": lambda path, most, delimiter: read_xlsx(path, most),
}
