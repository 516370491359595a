"""Problems of potstill's own procedural families."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from potstill.errors import RecipeError
from potstill.problems.families import generate
from potstill.recipe import Source
from potstill.records import Problem


def read(name: str, source: Source, *, seed: int, data: Path, where: str) -> Iterator[Problem]:
    """Return an endless stream of distinct problems of the family `name`.

    Raises RecipeError for an unknown family or setting, DataError while iterating when the settings allow no more.
    """
    del data
    try:
        stream = generate(name, seed, source.settings)
    except RecipeError as error:
        raise RecipeError(f"{where}.family: {error}") from error
    domain, checker = source.domain, source.checker
    if domain is None and checker is None:
        return stream
    return (
        dataclasses.replace(problem, domain=domain or problem.domain, checker=checker or problem.checker)
        for problem in stream
    )


def check(name: str, source: Source, *, data: Path, where: str) -> None:
    """Raise RecipeError unless the family exists and takes the settings."""
    read(name, source, seed=0, data=data, where=where)
