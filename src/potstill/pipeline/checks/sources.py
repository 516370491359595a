"""Problems: their sources by name, the user's own checkers, and what the first rows say."""

from __future__ import annotations

from potstill.errors import DataError
from potstill.pipeline.checks.scene import Scene, Teaching
from potstill.problems import check_source
from potstill.recipe import Source

NOTHING_TO_JUDGE_BY = (
    "no held-out problem has an answer to judge by: name its column in `columns: {gold: COLUMN}` of the source"
)


def source(source: Source, where: str, scene: Scene) -> None:
    """Refuse a source that cannot be opened: an unknown family or task, an absent file or function."""
    check_source(source, data=scene.data, where=where)


def checker(source: Source, where: str, scene: Scene) -> None:
    """Refuse a user's checker that is not there or takes other arguments; none of its code is run."""
    if source.checker:
        from potstill.verify.checkers import check_checker

        check_checker(source.checker, scene.data, f"{where}.checker")


def problems(teaching: Teaching, where: str, scene: Scene) -> None:
    """Refuse problems that cannot be read or divided, and a held-out side that nobody can judge."""
    del teaching, where
    held_out = scene.sample.held_out
    if scene.sample.whole and not any(problem.has_check for problem in held_out):
        raise DataError(NOTHING_TO_JUDGE_BY)
