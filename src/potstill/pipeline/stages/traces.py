"""Stage `traces`: ask the teacher of a set, or read its traces; one row a response, whatever came of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from potstill.graph import ArmNode, Graph
from potstill.judged_ways import judging_arms
from potstill.models.terms import check_terms
from potstill.pipeline import naming, settings
from potstill.pipeline.naming import MODEL
from potstill.pipeline.stage import Context, Stage
from potstill.pipeline.stages.evaluate import measured_by
from potstill.progress import Progress
from potstill.recipe import ArmTeacher, AskedTeacher, DatasetTeacher, Recipe, SolutionsTeacher, Ways, WorkedTeacher
from potstill.records import Problem, Trace

KIND, VERSION = "traces", 3


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each set that asks a teacher of its own."""
    del recipe
    for node in graph.sets.values():
        if node.traces_of != node.name:
            continue
        inputs = {"problems": "problems"}
        if node.taught_by is not None:
            inputs["model"] = naming.model(graph.arms[node.taught_by], graph)
        elif node.taught_by_student is not None:
            inputs["model"] = naming.student(node.taught_by_student)
        judges = {way: graph.arms[arm] for way, arm in judging_arms(node.recipe).items()}
        own = settings.of_traces(node.recipe)
        for way, arm in judges.items():
            inputs[settings.judge_role(way)] = naming.model(arm, graph)
        if judges:
            own |= {"judges": {way: measured_by(arm) for way, arm in judges.items()}}
        yield Stage(
            kind=KIND, name=naming.traces(node, graph), version=VERSION, recipe=node.recipe, inputs=inputs,
            settings=own, work=partial(work, judges),
        )  # fmt: skip


def work(judges: Mapping[str, ArmNode], context: Context) -> dict[str, Any]:
    """Write the table traces. `judges` are the students that judge a pilot of the ways, by way."""
    from potstill.pipeline.piloting import by_students, by_worked

    recipe, source = context.recipe, context.inputs["problems"]
    table = context.work.table("traces", Trace)
    counts: dict[str, Any] = {}
    measured = by_students(context, judges, counts) if judges else None
    if isinstance(recipe.teacher, AskedTeacher | ArmTeacher):
        from potstill.pipeline.teaching import asked_traces

        if isinstance(recipe.teacher, AskedTeacher):
            counts["terms"] = check_terms(recipe.teacher)
        model = context.inputs["model"].folder(MODEL) if "model" in context.inputs else None
        rows = asked_traces(context, recipe.teacher, model, counts, measured=measured)
    else:
        from potstill.teach import traces as offline
        from potstill.teach.piloted_ways import spared

        if measured is None and isinstance(recipe.teacher, WorkedTeacher) and settings.has_pilot(recipe.strategy):
            measured = by_worked(context, counts)
        left = spared(source.rows("train", Problem), recipe.strategy.ways or Ways())
        training = (problem for problem in source.rows("train", Problem) if problem.key not in left)
        held_out = source.rows("evaluation", Problem)
        seed, data = settings.teacher_seed(recipe), Path(recipe.data)
        rows = offline(
            recipe.teacher, training, held_out, strategy=recipe.strategy, seed=seed, data=data, counts=counts,
            measured=measured,
        )  # fmt: skip
    progress = Progress("traces", _expected(recipe, source.total("train")))
    progress.resume_at(table.rows_done)
    for trace in itertools.islice(rows, table.rows_done, None):
        table.append(trace)
        progress.advance()
    progress.close()
    return counts


def _expected(recipe: Recipe, train: int) -> int | None:
    if isinstance(recipe.teacher, DatasetTeacher) or recipe.strategy.stop_at_right is not None:
        return None
    return train if isinstance(recipe.teacher, SolutionsTeacher) else train * recipe.strategy.samples
