"""Problems of the `reasoning-gym` package: any of its tasks by name, judged by the task's own scorer."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill.errors import DataError, MissingExtraError, RecipeError, nearest
from potstill.recipe import Source
from potstill.records import Problem

if TYPE_CHECKING:
    from reasoning_gym.dataset import ProceduralDataset

_TUPLE, _PAIRS = "__tuple__", "__pairs__"
_OURS = {"seed": "the recipe's seed", "size": "the source's count"}
_UNUSABLE = {"composite": "it mixes other tasks: list those as sources of their own"}
_REFUSALS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What a task of the package may raise: its settings are checked by bare asserts, or only when they are used."""


def read(name: str, source: Source, *, seed: int, data: Path, where: str) -> Iterator[Problem]:
    """Yield `source.count` problems of the task `name`, the same for the same seed and settings.

    Repeats are left in (small tasks run out of distinct items); splitting drops and counts them. Raises RecipeError
    for an unknown task or setting, DataError for an item that the task fails to make.
    """
    del data
    task = _task(name, source, seed, where)
    settings = json.dumps(source.settings, sort_keys=True)
    for index in range(len(task)):
        try:
            entry = task[index]
            facts = f'{{"entry": {_dump(entry)}, "settings": {settings}}}'
            gold = entry["answer"]
            problem = Problem(
                id=f"{name}-{index:06d}",
                question=entry["question"],
                gold=None if gold is None else str(gold),
                answer_kind="text",
                domain=source.domain or task.category,
                source=f"reasoning_gym:{name}",
                checker=source.checker or f"reasoning_gym:{name}",
                facts=facts,
            )
        except _REFUSALS as error:
            raise DataError(f"{where}: reasoning-gym's {name} failed at item {index}: {_line(error)}") from error
        yield problem


def check(name: str, source: Source, *, data: Path, where: str) -> None:
    """Raise RecipeError unless the task exists and takes the settings; makes no problem."""
    del data
    _task(name, source, 0, where)


def entry_of(facts: str) -> dict[str, Any]:
    """Return the task's entry from `Problem.facts`, its tuples and number keys restored, as the scorers want it.

    Some scorers (arc_agi, rearc) compare tuples, some (graph_color, codeio) look up whole numbers in dictionaries.
    """
    entry = _restore(json.loads(facts)["entry"])
    assert isinstance(entry, dict)  # noqa: S101 - written by `read`
    return entry


def scorer_of(name: str, facts: str) -> ProceduralDataset:
    """Return the task `name` with the settings of `Problem.facts`; its `score_answer(answer, entry)` is 1.0 if right.

    The settings matter: puzzle24, for one, allows the numbers that they allow. Raises MissingExtraError without
    reasoning-gym.
    """
    return _scorer(name, json.dumps(json.loads(facts).get("settings", {}), sort_keys=True))


@lru_cache(maxsize=64)
def _scorer(name: str, settings: str) -> ProceduralDataset:
    return _task(name, Source(reasoning_gym=name, settings=json.loads(settings), count=1), 0, "a checker")


def _task(name: str, source: Source, seed: int, where: str) -> ProceduralDataset:
    try:
        from reasoning_gym.factory import DATASETS, create_dataset
    except ImportError as error:
        raise MissingExtraError(f"{where}.reasoning_gym", "reasoning-gym", "gym") from error
    if name not in DATASETS:
        raise RecipeError(f"{where}.reasoning_gym: no task {name!r}{nearest(name, sorted(DATASETS))}")
    if name in _UNUSABLE:
        raise RecipeError(f"{where}.reasoning_gym: {name} cannot be used; {_UNUSABLE[name]}")
    _check_settings(source.settings, DATASETS[name][1], f"{where}.settings")
    settings = {key: _tuples(value) for key, value in source.settings.items()}
    try:
        return create_dataset(name, **settings, seed=seed % 2**32, size=source.count)
    except _REFUSALS as error:
        raise RecipeError(f"{where}.settings: reasoning-gym's {name} refuses them: {_line(error)}") from error


def _check_settings(settings: Mapping[str, Any], config: type, where: str) -> None:
    known = [field.name for field in dataclasses.fields(config) if field.name not in _OURS]
    for key in settings:
        if key in _OURS:
            raise RecipeError(f"{where}.{key}: comes from {_OURS[key]}")
        if key not in known:
            raise RecipeError(f"{where}: unknown setting {key!r}{nearest(key, known)}")


def _tuples(value: object) -> object:
    """Return lists as tuples, since a recipe can only write lists and the package's defaults are tuples."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _dump(entry: Mapping[str, Any]) -> str:
    return json.dumps(_tag(entry), ensure_ascii=False, sort_keys=True)


def _tag(value: Any) -> Any:  # noqa: ANN401 - any value of an entry
    """Return `value` with what JSON would lose (tuples, keys that are not text) written as tagged objects."""
    if isinstance(value, tuple):
        return {_TUPLE: [_tag(item) for item in value]}
    if isinstance(value, list):
        return [_tag(item) for item in value]
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: _tag(item) for key, item in value.items()}
        return {_PAIRS: [[_tag(key), _tag(item)] for key, item in value.items()]}
    return value


def _restore(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, list):
        return [_restore(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_TUPLE}:
        return tuple(_restore(item) for item in value[_TUPLE])
    if value.keys() == {_PAIRS}:
        return {_restore(key): _restore(item) for key, item in value[_PAIRS]}
    return {key: _restore(item) for key, item in value.items()}


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or f"a bare {type(error).__name__}; see the task's documentation"
