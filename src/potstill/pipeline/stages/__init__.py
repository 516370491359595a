"""The stages of a run, one file each: what it depends on, what it reads, what it writes.

Late binding: a file of this folder has a function `stages(recipe, graph)` that yields its stages, one for each node of
the graph that needs one, and is named in `STAGES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from potstill.graph import Graph, graph_of
from potstill.pipeline import naming
from potstill.pipeline.stage import Stage
from potstill.pipeline.stages import (
    also,
    assess,
    benchmark,
    best,
    evaluate,
    examples,
    export,
    faithful,
    labels,
    listen,
    logits,
    measure,
    pairs,
    problems,
    reference,
    report,
    rows,
    scorer,
    student,
    traces,
    train,
    verdicts,
    verified,
)
from potstill.recipe import Recipe

Yielding = Callable[[Recipe, Graph], Iterator[Stage]]
STAGES: dict[str, Yielding] = {
    "problems": problems.stages,
    "traces": traces.stages,
    "verdicts": verdicts.stages,
    "listen": listen.stages,
    "examples": examples.stages,
    "student": student.stages,
    "pairs": pairs.stages,
    "rows": rows.stages,
    "reference": reference.stages,
    "logits": logits.stages,
    "train": train.stages,
    "evaluate": evaluate.stages,
    "also": also.stages,
    "benchmark": benchmark.stages,
    "faithful": faithful.stages,
    "verified": verified.stages,
    "labels": labels.stages,
    "scorer": scorer.stages,
    "assess": assess.stages,
    "best": best.stages,
    "export": export.stages,
    "measure": measure.stages,
}
"""Kind -> its stages. The report, which reads all of them, is not among them."""


def stages_of(recipe: Recipe) -> list[Stage]:
    """Return the stages in an order in which they can run, each with just the settings its output depends on.

    Arms come one after the other, each measured before the next is trained, so that a mistake shows early.
    """
    graph = graph_of(recipe)
    found = [stage for yielding in STAGES.values() for stage in yielding(recipe, graph)]
    named = {stage.name: stage for stage in found}
    ordered: dict[str, Stage] = {}

    def put(stage: Stage) -> None:
        for name in stage.needs:
            if name not in ordered:
                put(named[name])
        ordered.setdefault(stage.name, stage)

    early = [naming.examples(graph.sets[graph.main], graph), *(naming.measures(arm) for arm in graph.arms.values())]
    for stage in [*(named[name] for name in early), *found]:
        put(stage)
    return [*ordered.values(), report.stage(recipe, graph, list(ordered.values()))]
