"""Stage `traces`: ask the teacher of a set, or read its traces; one row a response, whatever came of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from potstill.graph import Graph
from potstill.models.terms import check_terms
from potstill.pipeline import naming, settings
from potstill.pipeline.naming import MODEL
from potstill.pipeline.stage import Context, Stage
from potstill.progress import Progress
from potstill.recipe import ArmTeacher, AskedTeacher, DatasetTeacher, Recipe, SolutionsTeacher
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
        yield Stage(
            kind=KIND, name=naming.traces(node, graph), version=VERSION, recipe=node.recipe, inputs=inputs,
            settings=settings.of_traces(node.recipe), work=work,
        )  # fmt: skip


def work(context: Context) -> dict[str, Any]:
    """Write the table traces."""
    recipe, source = context.recipe, context.inputs["problems"]
    table = context.work.table("traces", Trace)
    counts: dict[str, Any] = {}
    if isinstance(recipe.teacher, AskedTeacher | ArmTeacher):
        from potstill.pipeline.teaching import asked_traces

        if isinstance(recipe.teacher, AskedTeacher):
            counts["terms"] = check_terms(recipe.teacher)
        model = context.inputs["model"].folder(MODEL) if "model" in context.inputs else None
        rows = asked_traces(context, recipe.teacher, model, counts)
    else:
        from potstill.teach import traces as offline

        training, held_out = source.rows("train", Problem), source.rows("evaluation", Problem)
        seed, data = settings.teacher_seed(recipe), Path(recipe.data)
        rows = offline(
            recipe.teacher, training, held_out, strategy=recipe.strategy, seed=seed, data=data, counts=counts
        )
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
