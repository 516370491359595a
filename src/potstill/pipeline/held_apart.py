"""Tests that no training may know: files of `problems.against`, and the benchmarks that students are measured on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from potstill.evaluate.benchmarks import BENCHMARKS
from potstill.evaluate.benchmarks.reading import problems_of
from potstill.problems import read
from potstill.recipe import Recipe, Source
from potstill.records import Problem


def benchmark_problems(recipe: Recipe) -> Iterator[Problem]:
    """Yield the problems of `evaluate.benchmarks`, each file read as its benchmark is published.

    Raises:
        DataError: a file is not there, or not of that benchmark.
    """
    for number, asked in enumerate(recipe.evaluate.benchmarks):
        where = f"evaluate.benchmarks.{number}"
        protocol = BENCHMARKS.form(asked.name, asked.form)
        yield from problems_of(
            protocol, asked.file, data=Path(recipe.data), where=f"{where}.file", sha256=asked.sha256
        )[1]  # fmt: skip


def questions_of_tests(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield what each test question is called and its text, of `problems.against` and of the benchmarks."""
    for index, name in enumerate(recipe.problems.against):
        file = read(Source(file=name), seed=0, data=Path(recipe.data), where=f"problems.against.{index}")
        yield from ((f"{p.id} of {p.source}", p.statement) for p in file)
    yield from ((f"{p.id} of {p.source}", p.statement) for p in benchmark_problems(recipe))
