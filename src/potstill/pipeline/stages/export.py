"""Stage `export`: deliver the trained student, loaded again and compared with what was trained."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from potstill.graph import ArmNode, Graph
from potstill.pipeline import naming, settings
from potstill.pipeline.stage import MODEL, Context, Stage
from potstill.recipe import Recipe
from potstill.records import Problem
from potstill.train.render import ask

KIND, VERSION = "export", 1
PROMPTS = 8


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield the one stage, where an arm is delivered in any format."""
    if graph.deliver is None or not recipe.export.safetensors:
        return
    arm = graph.arms[graph.deliver]
    found = {
        "export": settings.chosen(recipe.export, "export"), "student": settings.of_rows(arm.recipe), "name": recipe.name
    }  # fmt: skip
    yield Stage(
        kind=KIND, name=KIND, version=VERSION, recipe=arm.recipe,
        inputs={"problems": "problems", "model": naming.model(arm, graph)}, settings=found,
        work=partial(work, arm, graph),
    )  # fmt: skip


def work(arm: ArmNode, graph: Graph, context: Context) -> dict[str, Any]:
    """Write the checkpoint with its card."""
    from potstill import __version__
    from potstill.export.card import Card
    from potstill.export.safetensors import export as deliver
    from potstill.pipeline.provenance import source_name, teacher_name

    recipe, trained = context.recipe, context.inputs["model"]
    asked = itertools.islice(context.inputs["problems"].rows("evaluation", Problem), PROMPTS)
    questions = [ask(recipe.student, problem.statement) for problem in asked]
    last = arm.phases[-1].recipe if arm.phases else recipe
    taught = graph.sets[arm.phases[-1].on].recipe if arm.phases else recipe
    card = Card(
        name=recipe.name,
        base_model=recipe.student.model or "a Llama from nothing",
        teacher=teacher_name(taught),
        problems=", ".join(source_name(source) for source in recipe.problems.sources),
        recipe=recipe.name,
        seed=recipe.seed,
        examples=trained.counts["examples"],
        tokens_trained=trained.counts["tokens"],
        loss=f"{last.train.loss.kind}, alpha {last.train.loss.alpha:g}, beta {last.train.loss.beta:g}",
        potstill=__version__,
    )
    print("export: writing, reloading and comparing", file=sys.stderr)
    return dict(deliver(trained.folder(MODEL), context.work.path / MODEL, questions, card))
