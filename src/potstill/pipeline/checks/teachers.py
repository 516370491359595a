"""Teachers that ask nobody, how any teacher fits the problems, and what curation would leave."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from potstill.errors import DataError, RecipeError
from potstill.pipeline.checks.files import check_file
from potstill.pipeline.checks.scene import ROWS, Scene, Teaching
from potstill.problems.functions import check_function
from potstill.problems.rows import find, means_one
from potstill.recipe import DatasetTeacher, SolutionsTeacher, Ways, WorkedTeacher

NO_SOLUTION = "no problem has a solution; name its column in `columns: {solution: COLUMN}` of the source"
OTHER_QUESTIONS = "the questions of the teacher's file are not those of the problems"


def fits_sources(teaching: Teaching, where: str, scene: Scene) -> None:
    """Refuse the worked teacher for foreign problems, and human solutions of families, which have none."""
    del where
    if isinstance(teaching.teacher, WorkedTeacher) and teaching.strategy.kind == "strategies":
        _worked_ways(teaching.strategy.ways or Ways(), scene)
    for place, source in scene.sources():
        if source.use == "evaluate":
            continue
        if isinstance(teaching.teacher, WorkedTeacher) and source.family is None:
            raise RecipeError(
                f"{place}: the worked teacher only solves potstill's own families; "
                "use teacher.kind served, local, dataset or solutions for these problems"
            )
        if isinstance(teaching.teacher, SolutionsTeacher) and source.family is not None:
            raise RecipeError(f"{place}: families come without human solutions; use teacher.kind worked")


def _worked_ways(ways: Ways, scene: Scene) -> None:
    """Refuse ways that the worked teacher does not know for the families of a recipe."""
    from potstill.teach.strategies.strategies import instructions
    from potstill.teach.worked import TEMPLATES

    known = instructions(ways, scene.data)
    if ways.pilot is not None:
        named = {f"judge_by.{way}": way for way in ways.judge_by} or dict.fromkeys(ways.among or known, "")
        named = {key: value or key for key, value in named.items()}
    else:
        named = {f"assign.{kind}": way for kind, way in ways.assign.items()} or {"otherwise": ways.otherwise}
    for place, source in scene.sources():
        if source.use == "evaluate" or source.family not in TEMPLATES:
            continue
        able = TEMPLATES[source.family].ways
        for key, way in named.items():
            if way not in able:
                raise RecipeError(
                    f"strategy.ways: {key}: the worked teacher solves no problem of {place} (family {source.family}) "
                    f"by {way!r}; it knows {', '.join(able) or 'no ways for this family'}"
                )


def curation(teaching: Teaching, where: str, scene: Scene) -> None:
    """Refuse bounds between which no problem lies, labels of people and a function that are not there."""
    del where
    own = teaching.curate.filter
    if own is not None and (refusal := check_function(own, scene.data, "curate.filter", positional=2)):
        raise RecipeError(f"curate.filter: {own} is called with a problem and a trace: {refusal}")
    people = teaching.curate.people
    if people is not None and not (scene.data / Path(people).expanduser()).exists():
        raise RecipeError(f"curate.people: there is no file or folder {scene.data / people}")
    low, high = teaching.curate.min_difficulty, teaching.curate.max_difficulty
    if low is not None and high is not None and low > high:
        raise RecipeError(
            f"curate.min_difficulty: it ({low:g}) is more than max_difficulty ({high:g}), so every problem of known "
            "difficulty is dropped"
        )


def file_of_traces(teaching: Teaching, where: str, scene: Scene) -> None:
    """Refuse a file of traces that is not there."""
    if isinstance(teaching.teacher, DatasetTeacher):
        name = teaching.teacher.file
        if means_one(name, scene.data):
            check_file(scene.data / name, f"{where}.file")
        else:
            find(name, scene.data, f"{where}.file")


def rows_of_traces(teaching: Teaching, where: str, scene: Scene) -> None:
    """Refuse a file of traces that cannot be read as declared, or answers no training problem."""
    if not isinstance(teaching.teacher, DatasetTeacher):
        return
    from potstill.teach.dataset import ProblemIndex, read_traces

    sample = scene.sample
    rows = read_traces(teaching.teacher, scene.data, ProblemIndex(sample.all))
    found = list(islice(rows, ROWS + 1))
    if len(found) > ROWS:
        scene.unknown.append(f"{where}.file: only the first {ROWS:,} traces were looked at")
    elif sample.whole and not {trace.problem_key for trace in found} & {problem.key for problem in sample.training}:
        raise DataError(f"{where}.file: {teaching.teacher.file} answers no training problem; {OTHER_QUESTIONS}")


def solutions(teaching: Teaching, where: str, scene: Scene) -> None:
    """Refuse the teacher of human solutions where no training problem has one."""
    del where
    if not isinstance(teaching.teacher, SolutionsTeacher) or not scene.sample.whole:
        return
    if not any((problem.solution or "").strip() for problem in scene.sample.training):
        raise DataError(NO_SOLUTION)
