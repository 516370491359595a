"""Stage `verdicts`: each trace of a set judged by itself, then the samples of each problem together."""

from __future__ import annotations

from collections.abc import Iterator

from potstill.graph import Graph
from potstill.pipeline import naming, settings
from potstill.pipeline.judging import maps, verdicts
from potstill.pipeline.naming import SCORER
from potstill.pipeline.stage import Stage
from potstill.recipe import Recipe

KIND, VERSION = "verdicts", 4


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each set; those that check alike share its output."""
    del recipe
    for node in graph.sets.values():
        reward = node.recipe.checks.reward
        scored = {SCORER: naming.scorer(reward.scorer)} if reward is not None and reward.scorer is not None else {}
        yield Stage(
            kind=KIND, name=naming.verdicts(node, graph), version=VERSION, recipe=node.recipe,
            inputs={"problems": "problems", "traces": naming.traces(node, graph), **scored},
            settings=settings.of_verdicts(node.recipe), work=verdicts,
            maps=maps if node.recipe.checks.judge is None else None,
        )  # fmt: skip
