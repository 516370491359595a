"""Problems in a Hugging Face dataset, by hub name or local folder, streamed."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill.errors import DataError, MissingExtraError, RecipeError, nearest
from potstill.problems import columns
from potstill.problems.cells import ArrowRows, Row
from potstill.problems.lines import row_bytes
from potstill.problems.rows import TEXTS, FileRows, form_of
from potstill.recipe import Source
from potstill.records import Problem

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset

_BATCH = 64
_SETTINGS = ("config", "revision")


def read(name: str, source: Source, *, seed: int, data: Path, where: str) -> Iterator[Problem]:
    """Yield the problems of a dataset in its order; `seed` plays no part.

    `name` is a folder (relative to `data`: files of rows, or what `save_to_disk` wrote) or a name on the hub.
    `settings` may hold `config` and `revision`. Raises RecipeError for an unknown split or configuration, DataError
    for a dataset that cannot be read or a row that is no problem, MissingExtraError without the datasets package.
    """
    del seed
    check(name, source, data=data, where=where)
    split = _open(name, source, data, where)
    prefix = f"{Path(name).name}-{source.split}" if source.split else Path(name).name
    found: Iterable[tuple[str, Row]]
    if isinstance(split, list):
        found = _FileRows(files=split, where=f"{where}.dataset", most=source.max_characters)
    else:
        found = _HubRows(split, name, where, row_bytes(source.max_characters))
    file, label = f"dataset {name}", f"dataset:{name}"
    return columns.problems(found, source, file=file, prefix=prefix, label=label, where=where)


def check(name: str, source: Source, *, data: Path, where: str) -> None:
    """Raise RecipeError for unknown settings or a local folder that is absent; asks nobody."""
    for key in source.settings:
        if key not in _SETTINGS:
            raise RecipeError(f"{where}.settings: unknown setting {key!r}{nearest(key, list(_SETTINGS))}")
    path = data / Path(name).expanduser()
    if path.is_file():
        raise RecipeError(f"{where}.dataset: {path} is a file; name it as `file`, not as `dataset`")
    local = name.startswith((".", "/", "~")) or name.count("/") > 1
    if local and not path.is_dir():
        beside = sorted(p.name for p in path.parent.iterdir() if p.is_dir()) if path.parent.is_dir() else []
        raise RecipeError(f"{where}.dataset: no folder {path}{nearest(path.name, beside)}")


def _open(name: str, source: Source, data: Path, where: str) -> Dataset | IterableDataset | list[Path]:
    """Return the split, or its files where these are of rows in text: the package would make numbers of 64 bits."""
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError(f"{where}.dataset", "datasets", "hub") from error
    path = data / Path(name).expanduser()
    saved = (path / "state.json").is_file() or (path / "dataset_dict.json").is_file()
    try:
        with _quiet():
            if saved:
                found: Any = datasets.load_from_disk(str(path))
            elif path.is_dir() and (files := _files_of_text(path, source)):
                return list(_choose(files, source.split, where))
            else:
                found = datasets.load_dataset(
                    str(path) if path.is_dir() else name,
                    source.settings.get("config"),
                    revision=source.settings.get("revision"),
                    streaming=True,
                )
    except _failures() as error:
        raise DataError(f"{where}.dataset: {name!r} cannot be read: {_line(error)}") from error
    splits = found if isinstance(found, dict) else {str(found.split or "train"): found}
    return _choose(splits, source.split, where)


def _files_of_text(path: Path, source: Source) -> dict[str, list[Path]]:
    """Return the files of each split of a local folder, where all are JSON or CSV; the package tells the splits."""
    import datasets

    builder = datasets.load_dataset_builder(str(path), source.settings.get("config"))
    splits = {str(split): [Path(file) for file in files] for split, files in (builder.config.data_files or {}).items()}
    known = all(form_of(file) in TEXTS for files in splits.values() for file in files)
    return splits if known else {}


def _choose(splits: dict[str, Any], wanted: str | None, where: str) -> Any:  # noqa: ANN401 - untyped package
    if wanted is None and len(splits) == 1:
        return next(iter(splits.values()))
    if wanted is None:
        raise RecipeError(f"{where}.split: the dataset has several, say which ({', '.join(splits)})")
    if wanted not in splits:
        raise RecipeError(f"{where}.split: no split {wanted!r}{nearest(wanted, list(splits))}")
    return splits[wanted]


@dataclass(frozen=True)
class _HubRows:
    """The rows of a split, read as Arrow holds them, so that numbers keep the digits of their own type."""

    split: Any
    name: str
    where: str
    most: int

    def __iter__(self) -> Iterator[tuple[str, Row]]:
        number = 0
        rows: ArrowRows | None = None
        try:
            for table in self.split.with_format("arrow").iter(batch_size=_BATCH):
                rows = rows or ArrowRows(table.schema, f"dataset {self.name}", self.most)
                for index in range(table.num_rows):
                    number += 1
                    yield f"row {number}", rows.row(table, index, f"row {number}")
        except _failures() as error:
            told = f"{self.name!r} cannot be read after row {number}: {_line(error)}"
            raise DataError(f"{self.where}.dataset: {told}") from error
        if number == 0:
            raise DataError(f"{self.where}.dataset: {self.name!r} holds no rows")


@dataclass(frozen=True, kw_only=True)
class _FileRows:
    """The rows of the files of a split, one behind the other, read as all other files are."""

    files: list[Path]
    where: str
    most: int

    def __iter__(self) -> Iterator[tuple[str, Row]]:
        number = 0
        for file in self.files:
            for _, row in FileRows(name=file.name, data=file.parent, where=self.where, max_characters=self.most):
                number += 1
                yield f"row {number}", row


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the hub's client from logging each retry: without a network one line of ours says it all."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _failures() -> tuple[type[Exception], ...]:
    """Return what the package raises for absent, broken, unreachable or old-style datasets."""
    import datasets.exceptions
    import pyarrow

    return (OSError, ImportError, LookupError, RuntimeError, ValueError, TypeError, pyarrow.ArrowException,
            datasets.exceptions.DatasetsError)  # fmt: skip


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
