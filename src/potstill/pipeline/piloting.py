"""A pilot of the ways of a set: who tries each way on a few problems of each kind, and who says what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Any

from potstill.evaluate.protocol import TableLine, measure, requests_of
from potstill.graph import ArmNode
from potstill.models.flops import Account, shape_of
from potstill.models.ledger import Ledger
from potstill.pipeline import naming, settings
from potstill.pipeline.naming import MODEL
from potstill.pipeline.stage import STUDENTS, Context
from potstill.progress import Progress
from potstill.recipe import Recipe, Ways, WorkedTeacher
from potstill.records import Measure, Problem, Trace
from potstill.teach import traces_by_way
from potstill.teach.piloted_ways import Tried, chosen_ways, few, note, piloted
from potstill.teach.strategies.strategies import instructions

WAYS = "ways-{}.json"
"""In the run's ledger, what a pilot of ways found, by seed."""
Measured = Mapping[str, tuple[str, ...]]
"""Kind -> the ways that a pilot found for it."""


def noted_pilot(tried: Sequence[Tried], sampling: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what the counts of a stage say of a pilot."""
    chosen = chosen_ways(tried)
    rows = [[*astuple(one), *one.bounds, one.way in chosen.get(one.kind, ())] for one in tried]
    return {"tried": rows} | ({"sampling": dict(sampling)} if sampling is not None else {})


def by_worked(context: Context, counts: dict[str, Any]) -> Measured:
    """Let the packaged teacher try every way; `counts` gets what came of it."""
    recipe = context.recipe
    ways, seed, teacher = recipe.strategy.ways or Ways(), settings.teacher_seed(recipe), recipe.teacher
    if not isinstance(teacher, WorkedTeacher):
        raise TypeError(f"a teacher that asks nobody and knows no ways: {teacher.kind}")

    def ask(name: str, asked: Sequence[Problem]) -> Iterator[Trace]:
        return traces_by_way(asked, teacher, 1, lambda _problem, _sample: name, seed)

    with context.verdicts() as verdicts:
        tried = piloted(_training(context)(), ways, names_of(recipe), ask, verdicts.many)
    counts["pilot"] = noted_pilot(tried)
    return chosen_ways(tried)


def by_students(context: Context, judges: Mapping[str, ArmNode], counts: dict[str, Any]) -> Measured:
    """Ask each student the problems of the pilot, without an instruction; what it was taught by is the way it tries.

    None of them was taught these problems, see `graph`. What the ledger has is not asked again.
    """
    ways = context.recipe.strategy.ways or Ways()
    chosen = few(_training(context)(), ways, ways.pilot or 0)
    tried = []
    account = Account(None)
    for way, arm in judges.items():
        checkpoint = context.inputs[settings.judge_role(way)].folder(MODEL)
        account.shape = shape_of(checkpoint)
        answered = _answered(context, arm, checkpoint, [one for of_kind in chosen.values() for one in of_kind])
        for kind in sorted(chosen):
            keys = {problem.key for problem in chosen[kind]}
            tried.append(_tried(kind, way, [one for one in answered if one.problem_key in keys]))
        for one in answered:
            account.sampled(one.prompt_tokens, one.completion_tokens)
    note(context.run.ledger / WAYS.format(settings.teacher_seed(context.recipe)), tried)
    counts["pilot"] = noted_pilot(tried, account.counts())
    return chosen_ways(tried)


def _answered(context: Context, arm: ArmNode, checkpoint: Path, problems: Sequence[Problem]) -> list[Measure]:
    from potstill.pipeline.checkpoints import local_student

    recipe, row = arm.recipe, TableLine(arm.name, "zero-shot")
    batch = recipe.evaluate.batch
    student = local_student(str(checkpoint), arm.name, recipe.train.precision, batch, context.run.ledger)
    asked = requests_of(student, problems, row, recipe.student, recipe.evaluate, recipe.seed)
    progress = Progress(f"pilot: {arm.name}", len(asked), "responses")
    with Ledger(context.run.ledger / STUDENTS) as ledger, context.verdicts() as verdicts:
        found = list(measure(student, ledger, asked, row, recipe.student, verdicts, progress))
    progress.close()
    return found


def _tried(kind: str, way: str, own: Sequence[Measure]) -> Tried:
    outcomes = [one.outcome if one.finish == "stop" else "wrong" for one in own]
    return Tried(
        kind=kind, way=way, right=outcomes.count("right"), wrong=outcomes.count("wrong"),
        unknown=outcomes.count("unknown"), tokens=sum(one.completion_tokens for one in own),
    )  # fmt: skip


def names_of(recipe: Recipe) -> tuple[str, ...]:
    """Return the ways that a pilot tries."""
    ways = recipe.strategy.ways or Ways()
    return ways.among or tuple(instructions(ways, Path(recipe.data)))


def _training(context: Context) -> Callable[[], Iterator[Problem]]:
    return partial(context.inputs[naming.PROBLEMS].rows, "train", Problem)
