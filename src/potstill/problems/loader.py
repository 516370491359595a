"""Problems that a user's own function yields."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from potstill.errors import DataError, PotstillError, RecipeError, nearest
from potstill.problems.choices import Golds, Options
from potstill.problems.columns import checked
from potstill.problems.functions import FAILURES, check_function, find_function, folder_of, importable, line
from potstill.recipe import Source
from potstill.records import LETTERS, Problem, too_many

_FIELDS = [field.name for field in dataclasses.fields(Problem)]


def read(name: str, source: Source, *, seed: int, data: Path, where: str) -> Iterator[Problem]:
    """Yield what the function `name` (`module:function`, or `file.py:function` relative to `data`) yields.

    It is called with the source's settings and yields dicts with the fields of a problem, or problems; `seed` plays no
    part. Raises DataError naming the function and the item for whatever goes wrong in it.
    """
    del seed
    function = find_function(name, data, f"{where}.loader")
    try:
        inspect.signature(function).bind(**source.settings)
    except TypeError as error:
        raise RecipeError(f"{where}.settings: {name} does not take them: {error}") from error
    seen: dict[str, int] = {}
    for number, item in enumerate(_items(function, source, name, data), 1):
        problem = _problem(item, source, name, number)
        if problem.id in seen:
            raise DataError(f"{name}: item {number} has the id {problem.id!r} of item {seen[problem.id]}")
        seen[problem.id] = number
        yield problem


def check(name: str, source: Source, *, data: Path, where: str) -> None:
    """Raise RecipeError unless the function `name` is there and takes the settings; runs none of its code."""
    refusal = check_function(name, data, f"{where}.loader", positional=0, keywords=source.settings)
    if refusal:
        raise RecipeError(f"{where}.settings: {name} does not take them: {refusal}")


def _items(function: Callable[..., Any], source: Source, name: str, data: Path) -> Iterator[object]:
    number = 0
    try:
        with importable(folder_of(name, data)):
            items = function(**source.settings)
            if not isinstance(items, Iterable) or isinstance(items, (str, bytes, dict)):
                raise DataError(f"{name} returned {type(items).__name__}, not an iterable of dicts with problem fields")
            for number, item in enumerate(items, 1):  # noqa: B007 - named in the message
                yield item
    except PotstillError:
        raise
    except FAILURES as error:
        told = f"{type(error).__name__}: {line(error)}"
        raise DataError(
            f"{name} failed {f'after item {number}' if number else 'before its first item'}: {told}"
        ) from error
    if number == 0:
        raise DataError(f"{name} yielded no problems")


def _problem(item: object, source: Source, name: str, number: int) -> Problem:
    at = f"{name}: item {number}"
    if isinstance(item, Problem):
        fields = {field: getattr(item, field) for field in _FIELDS}
    elif isinstance(item, dict):
        fields = dict(item)
    else:
        raise DataError(f"{at} is {type(item).__name__}, not a dict with problem fields")
    for field in fields:
        if field not in _FIELDS:
            raise DataError(f"{at} has an unknown field {field!r}{nearest(str(field), _FIELDS)}")
    fields = {"id": f"{name}-{number}", "gold": None, **fields, "source": f"loader:{name}"}
    fields["choices"] = fields.get("choices", ())
    if not isinstance(fields["choices"], (list, tuple)):
        raise DataError(f"{at}: choices is {type(fields['choices']).__name__}, not a list")
    fields["choices"] = tuple(fields["choices"])
    difficulty = fields.get("difficulty")
    if difficulty is not None and (isinstance(difficulty, bool) or not isinstance(difficulty, (int, float))):
        raise DataError(f"{at}: difficulty is {type(difficulty).__name__}, not a number")
    given = {"answer_kind": source.answer_kind, "domain": source.domain, "checker": source.checker}
    fields |= {field: value for field, value in given.items() if value is not None}
    _check_texts(fields, at, source.max_characters)
    made, letters = Problem(**fields), tuple(LETTERS[: len(fields["choices"])])
    golds = Golds(None, lambda: (), "yield the letter")
    return dataclasses.replace(made, gold=golds.letter(Options(made.choices, letters), made.gold, made.answer_kind, at))


def _check_texts(fields: dict[str, Any], at: str, longest: int) -> None:
    question = fields.get("question")
    if not isinstance(question, str) or not question.strip():
        raise DataError(f"{at} has no question (a text is needed, got {question!r})")
    for field, value in fields.items():
        if field in ("difficulty", "choices"):
            continue
        if not isinstance(value, str) and not (value is None and field in ("gold", "solution")):
            raise DataError(f"{at}: {field} is {type(value).__name__}, not text")
        if value is not None and field != "facts":
            checked(value, field, at, longest)
    for choice in fields["choices"]:
        if not isinstance(choice, str):
            raise DataError(f"{at}: a choice is {type(choice).__name__}, not text")
        checked(choice, "choice", at, longest)
    if told := too_many(fields["choices"]):
        raise DataError(f"{at}: {told} that name them")
