"""Stage `labels`: what is known of each step of some solutions, for a reward model to be trained or measured on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from potstill.graph import Graph
from potstill.pipeline import naming, settings
from potstill.pipeline.labelling import Labelling, label
from potstill.pipeline.stage import Stage
from potstill.recipe import Recipe
from potstill.scorer_nodes import ScorerNode

KIND, VERSION = "labels", 1


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield two stages for each scorer: the labels that it is trained on, and those that it is measured on."""
    del recipe
    for node in graph.scorers.values():
        for part, labels in node.labels.items():
            inputs, its, student = {}, node.recipe, None
            if labels.on is not None:
                taught = graph.sets[labels.on]
                its = taught.recipe
                inputs = {
                    "problems": naming.PROBLEMS, "traces": naming.traces(taught, graph),
                    "verdicts": naming.verdicts(taught, graph),
                }  # fmt: skip
            if labels.arm is not None:
                arm = graph.arms[labels.arm]
                inputs["model"], student = naming.model(arm, graph), arm.recipe.student
            labelling = Labelling(node=node, part=part, student=student)
            yield Stage(
                kind=KIND, name=naming.labels(node.name, part), version=VERSION, recipe=its, inputs=inputs,
                settings=_settings(labelling, its), work=partial(label, labelling),
            )  # fmt: skip


def _settings(labelling: Labelling, its: Recipe) -> settings.Settings:
    """What is labelled how; by rollouts also how the student is asked, and how its answers are judged."""
    node, labels = labelling.node, labelling.labels
    cut = {key: value for key, value in settings.chosen(node.scorer, "labels").items() if key not in ("labels", "test")}
    found: settings.Settings = {
        "labels": settings.chosen(labels, "labels") | _file(node, labels.file),
        "sampling": settings.chosen(labels.sampling, "traces"),
        "scorer": cut | {"kind": node.scorer.kind}, "part": labelling.part,
        "seed": node.recipe.seed,
    }  # fmt: skip
    if labelling.student is None:
        return found
    return found | {"student": settings.chosen(labelling.student, "rows")} | settings.of_checks(its)


def _file(node: ScorerNode, file: str | None) -> settings.Settings:
    return {} if file is None else settings.contents("file", Path(node.recipe.data) / file)
