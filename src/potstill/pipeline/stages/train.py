"""Stage `train`: one phase of one arm, from the checkpoint before it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from potstill.graph import Graph, Phase
from potstill.pipeline import learnt, naming, settings
from potstill.pipeline.naming import LOGITS, MODEL, ROWS
from potstill.pipeline.stage import Context, Stage
from potstill.recipe import Recipe

KIND, VERSION = "train", 1


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each phase of each arm."""
    del recipe
    for arm in graph.arms.values():
        before = naming.model(graph.arms[arm.start], graph) if arm.start is not None else naming.student(arm.student)
        for phase in arm.phases:
            on = graph.sets[phase.on]
            matched = () if phase.match is None else naming.trainings(graph.arms[phase.match[1]], graph)
            counted = {f"match {number}": name for number, name in enumerate(matched, 1)}
            teacher = {LOGITS: naming.logits(phase)} if learnt.stored(phase) else learnt.inputs(phase, graph)
            yield Stage(
                kind=KIND, name=naming.training(phase), version=VERSION, recipe=phase.recipe,
                inputs={"rows": naming.rows(phase), "student": before, **teacher}, counted=counted,
                settings=_settings(phase, on.recipe), work=partial(work, phase, on.recipe),
            )  # fmt: skip
            before = naming.training(phase)


def _settings(phase: Phase, taught: Recipe) -> settings.Settings:
    """How one phase is trained; checkpoints change nothing, for a resumed training ends the same."""
    recipe = phase.recipe
    train = settings.chosen(recipe.train, "training")
    if phase.match is not None:
        train["match"] = phase.match[0]
    return {
        "train": train,
        "student": settings.chosen(recipe.student, "training"),
        "seed": settings.train_seed(recipe),
        "curate": settings.chosen(taught.curate, "training"),
        **learnt.contents(phase),
    }


def work(phase: Phase, taught: Recipe, context: Context) -> dict[str, Any]:
    """Train, and write model, losses and audit."""
    from potstill.train.methods import METHODS
    from potstill.train.rows import INDEX, Rows

    shards = context.inputs["rows"]
    shards.read(f"{ROWS}/{INDEX}")  # it is whole; it holds the digests of the shards, which are read as they are needed
    matched = None
    if phase.match is not None:
        found = [committed.counts for committed in context.counted.values()]
        matched = phase.match[0], {key: sum(counts[key] for counts in found) for key in ("rows", "tokens", "flops")}
    kl = phase.recipe.train.loss.kl
    distributions = {} if kl is None else {"taught": learnt.taught(kl, context)}
    return METHODS[context.recipe.train.method](
        context.recipe, phase.name, Rows(shards.path / ROWS),
        base=context.inputs["student"].folder(MODEL), work=context.work.path, seed=settings.train_seed(context.recipe),
        shuffle=taught.curate.order == "shuffled", matched=matched, **distributions,
    )  # fmt: skip
