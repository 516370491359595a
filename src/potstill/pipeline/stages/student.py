"""Stage `student`: write an untouched student as a plain checkpoint."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from potstill.graph import Graph
from potstill.pipeline import naming, settings
from potstill.pipeline.naming import MODEL
from potstill.pipeline.stage import Context, Stage
from potstill.recipe import Recipe
from potstill.records import Example
from potstill.train.render import ask

KIND, VERSION = "student", 1


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each base student that an arm begins with."""
    # its first phase may say with which seed its weights are drawn
    used = {
        arm.student: arm.phases[0].recipe if arm.phases else arm.recipe
        for arm in graph.arms.values() if arm.name == arm.student
    }  # fmt: skip
    scorers = any(scorer.start is None for scorer in graph.scorers.values())
    if scorers or any(not arm.student for arm in graph.arms.values()):
        used = {"": recipe, **used}
    for student, its in used.items():
        # One from nothing has a tokenizer trained on what it will be shown.
        built_from = {"examples": naming.examples(graph.sets[graph.main], graph)} if its.student.scratch else {}
        yield Stage(
            kind=KIND, name=naming.student(student), version=VERSION, recipe=its, inputs=built_from,
            settings=_settings(its), work=work,
        )  # fmt: skip


def _settings(recipe: Recipe) -> settings.Settings:
    student = settings.chosen(recipe.student, "student")
    if recipe.student.scratch:
        return {"student": student | settings.of_rows(recipe), "seed": settings.train_seed(recipe)}
    return {"student": student | settings.contents("model", Path(recipe.data) / str(recipe.student.model))}


def work(context: Context) -> dict[str, Any]:
    """Write the checkpoint."""
    from potstill.train import students

    recipe = context.recipe
    shown = recipe.student
    if shown.model and (folder := Path(recipe.data) / shown.model).is_dir():
        shown = replace(shown, model=str(folder))

    def texts() -> Iterator[str]:
        for example in context.inputs["examples"].rows("examples", Example):
            yield from (ask(shown, example.question), example.reasoning, example.answer)

    print(f"student: preparing {shown.model or 'a Llama from nothing'}", file=sys.stderr)
    students.prepare(shown, texts, settings.train_seed(recipe), context.work.path / MODEL)
    return {}
