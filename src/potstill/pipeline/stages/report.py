"""Stage `report`: the page, the JSON and the terminal table, from everything else."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from potstill.durable import write_durably
from potstill.graph import Graph
from potstill.pipeline.stage import Context, Stage
from potstill.recipe import Recipe

KIND, VERSION = "report", 4


def stage(recipe: Recipe, graph: Graph, before: Sequence[Stage]) -> Stage:
    """Return the stage that reads all others, each under its own name."""
    return Stage(
        kind=KIND, name=KIND, version=VERSION, recipe=recipe, inputs={stage.name: stage.name for stage in before},
        settings={"name": recipe.name, "graph": graph.text().splitlines()}, work=partial(work, graph),
    )  # fmt: skip


def work(graph: Graph, context: Context) -> dict[str, Any]:
    """Write report.html, report.json and table.txt."""
    from potstill.pipeline.facts import facts_of
    from potstill.pipeline.planned import read_plan
    from potstill.report import build

    built = build(facts_of(context.recipe, graph, context.inputs, read_plan(context.run.path), context.run.ledger))
    write_durably(context.work.path / "report.html", built.html().encode("utf-8", "replace"))
    write_durably(context.work.path / "report.json", built.json().encode("utf-8", "replace"))
    write_durably(context.work.path / "table.txt", built.text_table().encode("utf-8", "replace"))
    return {}
