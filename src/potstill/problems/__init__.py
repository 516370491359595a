"""Where problems come from, and which are held out.

Late binding: the one key that a source sets (`family`, `reasoning_gym`, `file`, `dataset`, `loader`) is looked up in
`_MODULES`; a new kind of source is a module with `read` and `check`, and a line there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path

from potstill.errors import RecipeError
from potstill.problems.splits import Division, Leaks, Use, split
from potstill.recipe import Problems, Source
from potstill.records import Problem, content_key

_MODULES = {
    "family": "potstill.problems.family",
    "reasoning_gym": "potstill.problems.gym",
    "file": "potstill.problems.files",
    "dataset": "potstill.problems.hub",
    "loader": "potstill.problems.loader",
}
"""Key of a source -> module with `read` and `check`."""
_ONLY: dict[str, tuple[str, ...]] = {
    "columns": ("file", "dataset"),
    "delimiter": ("file",),
    "gold_names": ("file", "dataset"),
    "split": ("dataset",),
    "settings": ("family", "reasoning_gym", "dataset", "loader"),
    "answer_kind": ("file", "dataset", "loader"),
}
"""Key of a source -> the kinds that it means something for."""


def read(source: Source, *, seed: int, data: Path, where: str) -> Iterator[Problem]:
    """Yield the problems of one source, at most `count`; the same arguments give the same problems.

    `data` is the folder of relative files, `where` the source's place in the recipe, for messages. Raises RecipeError
    for what the recipe says wrong and DataError for data that cannot be read as declared.
    """
    kind, name = _kind(source, where)
    found: Iterator[Problem] = import_module(_MODULES[kind]).read(name, source, seed=seed, data=data, where=where)
    return itertools.islice(found, source.count)


def check_source(source: Source, *, data: Path, where: str) -> None:
    """Raise RecipeError, or DataError for an absent file, unless the source can be opened; reads no problem."""
    kind, name = _kind(source, where)
    import_module(_MODULES[kind]).check(name, source, data=data, where=where)


def divide(problems: Problems, *, seed: int, data: Path, tests: Callable[[], Iterable[Problem]] = tuple) -> Division:
    """Read all sources and divide their problems into training and evaluation; see `splits.split`.

    `tests` starts the problems of further tests that no training problem may be a copy of.
    """

    def stream() -> Iterator[tuple[Problem, Use]]:
        for index, source in enumerate(problems.sources):
            where = f"problems.sources.{index}"
            for problem in read(source, seed=source_seed(seed, index), data=data, where=where):
                yield problem, source.use

    leaks = leaks_of(problems, data, tests)
    return split(stream, seed=seed, evaluate=problems.evaluate, train=problems.train, leaks=leaks)


def leaks_of(problems: Problems, data: Path, tests: Callable[[], Iterable[Problem]] = tuple) -> Leaks | None:
    """Return what training problems are kept apart from, None where the recipe looks for nothing."""
    if problems.near is None:
        return None

    def against() -> Iterator[Problem]:
        for index, name in enumerate(problems.against):
            yield from read(Source(file=name), seed=0, data=data, where=f"problems.against.{index}")
        yield from tests()

    return Leaks(threshold=problems.near, against=against)


def source_seed(seed: int, index: int) -> int:
    """Return the seed of a source, so that two sources of the same family differ."""
    return int(content_key("source", seed, index)[:8], 16)


def _kind(source: Source, where: str) -> tuple[str, str]:
    set_ = [(kind, getattr(source, kind)) for kind in _MODULES if getattr(source, kind)]
    if len(set_) != 1:
        raise RecipeError(f"{where}: set exactly one of {', '.join(_MODULES)}")
    kind = set_[0][0]
    for key, kinds in _ONLY.items():
        if getattr(source, key) and kind not in kinds:
            raise RecipeError(f"{where}.{key}: means nothing for a {kind}, only for {' or '.join(kinds)}; leave it out")
    return set_[0]
