"""Stages `also_problems` and `also`: other problems than those that are taught, and what every arm answers to them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from potstill.errors import DataError
from potstill.evaluate.protocol import TableLine
from potstill.graph import ArmNode, Graph
from potstill.models.flops import Account, shape_of
from potstill.pipeline import naming, settings
from potstill.pipeline.naming import MODEL
from potstill.pipeline.stage import Context, Stage
from potstill.pipeline.stages.evaluate import measured, measured_by
from potstill.recipe import Also, Recipe
from potstill.records import Problem, content_key
from potstill.table_parts import PART_ROWS

PROBLEMS, KIND, VERSION, TABLE = "also_problems", "also", 2, "zero_shot"


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each set of other problems, and one for each arm that is asked them."""
    del recipe
    made: set[str] = set()
    for arm in graph.arms.values():
        for also in arm.recipe.evaluate.also:
            if also.name not in made:
                made.add(also.name)
                yield Stage(
                    kind=PROBLEMS, name=naming.also_problems(also), version=VERSION, recipe=arm.recipe,
                    inputs={"problems": naming.PROBLEMS}, settings=_asked(also, arm.recipe),
                    work=partial(gather, also),
                )  # fmt: skip
            yield Stage(
                kind=KIND, name=naming.also(arm, also), version=VERSION, recipe=arm.recipe,
                inputs={"problems": naming.also_problems(also), "model": naming.model(arm, graph)},
                settings=_measured(arm), work=partial(work, arm),
            )  # fmt: skip


def _asked(also: Also, recipe: Recipe) -> settings.Settings:
    return {
        "name": also.name, "sources": settings.of_sources(also.sources, recipe), "count": also.count,
        "seed": settings.problem_seed(recipe),
    }  # fmt: skip


def _measured(arm: ArmNode) -> settings.Settings:
    """How the held-out problems are asked, without examples; only draws depend on the seed."""
    found = measured_by(arm)
    found["evaluate"].pop("shots", None)
    if arm.recipe.evaluate.temperature == 0:
        found.pop("seed", None)
    return found


def gather(also: Also, context: Context) -> dict[str, Any]:
    """Write the table evaluation: the problems whose hashes come first, without those that are trained on."""
    from potstill.problems import read, source_seed

    recipe = context.recipe
    taught = {problem.key for problem in context.inputs["problems"].rows("train", Problem)}
    seed = int(content_key("also", settings.problem_seed(recipe), also.name)[:8], 16)
    found: dict[str, Problem] = {}
    met = 0
    for index, source in enumerate(also.sources):
        where = f"evaluate.also ({also.name}).sources.{index}"
        for problem in read(source, seed=source_seed(seed, index), data=Path(recipe.data), where=where):
            met += problem.key in taught
            if problem.key not in taught:
                found.setdefault(problem.key, problem)
    chosen = heapq.nsmallest(also.count, found, key=lambda key: content_key("also", key))
    if not chosen:
        raise DataError(f"evaluate.also: all {met:,} problems of {also.name} are trained on: name others")
    context.work.table("train", Problem)  # none: what reads problems expects both sides
    table = context.work.table("evaluation", Problem)
    for key in chosen:
        table.append(found[key])
    return {"evaluate": len(chosen), "taught": met}


def work(arm: ArmNode, context: Context) -> dict[str, Any]:
    """Write the table of measures, as the stage `evaluate` does."""
    from potstill.pipeline.checkpoints import local_student

    recipe = context.recipe
    checkpoint = str(context.inputs["model"].folder(MODEL))
    student = local_student(checkpoint, arm.name, recipe.train.precision, recipe.evaluate.batch, context.run.ledger)
    account, clock = Account(shape_of(Path(checkpoint))), dict[str, float]()
    together = recipe.evaluate.batch or PART_ROWS
    unjudged = measured(context, student, TABLE, TableLine(arm.name, "zero-shot"), account, together, clock)
    context.work.note_time(**clock)
    return {"tables": [TABLE], "sampling": account.counts(), **context.not_asked(unjudged if context.go_on else 0)}
