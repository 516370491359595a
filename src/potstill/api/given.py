"""What a recipe may be given as in Python: a file's path, a shipped recipe's name, a mapping, or a `Recipe`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.errors import RecipeError
from potstill.recipe import Recipe
from potstill.recipe_file import dump, load, located, parse

Given = str | os.PathLike[str] | Mapping[str, Any] | Recipe
CALLED = "the recipe"
"""What errors call a recipe that is no file."""
_LINE = re.compile(rf"^{CALLED}:\d+: ")
"""`the recipe:12: `: lines of a text that the user never wrote."""


@dataclass(frozen=True)
class ReadRecipe:
    """A recipe as it was given, checked: `name` is the file or shipped recipe, None where it is neither."""

    recipe: Recipe
    name: str | None
    sets: tuple[str, ...]

    @contextmanager
    def located(self) -> Iterator[None]:
        """Put file and line before an error that begins with one of the recipe's keys."""
        if self.name is None:
            yield
            return
        with located(self.name, self.sets):
            yield

    def text(self) -> str:
        """Return the whole recipe as YAML."""
        return dump(self.recipe)


def read_recipe(given: Given, overrides: Mapping[str, object] | None = None) -> ReadRecipe:
    """Read and check a recipe; `overrides` are values by dotted key, such as `{"train.steps": 50}`.

    Raises:
        RecipeError: one line with the key, with file and line where it was given as a file.
    """
    sets = tuple(f"{_key(key)}={_text(key, value)}" for key, value in (overrides or {}).items())
    if isinstance(given, str | os.PathLike):
        name = os.fspath(given)
        return ReadRecipe(load(name, sets), name, sets)
    if isinstance(given, Recipe):
        text = dump(given)
    elif isinstance(given, Mapping):
        text = _text(CALLED, dict(given))
    else:
        raise RecipeError(f"a recipe is a path, a name, a mapping or a Recipe, not {type(given).__name__}")
    try:
        return ReadRecipe(parse(text, CALLED, sets, base=Path()), None, sets)
    except RecipeError as error:
        raise RecipeError(_LINE.sub(f"{CALLED}: ", str(error))) from None


def _key(key: object) -> str:
    if not isinstance(key, str) or "=" in key or not key.strip():
        raise RecipeError(f"overrides: {str(key)[:60]!r} is no key: write it as 'train.steps'")
    return key


def _text(key: str, value: object) -> str:
    """Return a value as JSON, which YAML reads as it stands."""
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError, RecursionError):
        raise RecipeError(f"{key}: this is no value of a recipe: {type(value).__name__}") from None


def _plain(value: object) -> object:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | list):
        return list(value)
    raise TypeError(type(value).__name__)
