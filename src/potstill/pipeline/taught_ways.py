"""The ways of solving that a student was taught by: of which set they are, and what it is told of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from potstill.graph import ArmNode, Graph, SetNode
from potstill.pipeline import settings
from potstill.pipeline.asked_ways import asked_ways, way_settings
from potstill.recipe import Ways
from potstill.records import Problem
from potstill.store import Committed

if TYPE_CHECKING:
    from potstill.teach.strategies.strategies import Choosing


def taught_by_ways(arm: ArmNode, graph: Graph) -> SetNode | None:
    """Return the set of the strategy `strategies` that an arm was trained on last, None where there is none."""
    on = arm.phases[-1].on if arm.phases else None
    if on is None and arm.start is not None:
        return taught_by_ways(graph.arms[arm.start], graph)
    return graph.sets[on] if on is not None and graph.sets[on].recipe.strategy.kind == "strategies" else None


def ways_of(node: SetNode) -> Ways:
    """Return the ways of a set."""
    return node.recipe.strategy.ways or Ways()


def told_statement(node: SetNode, traces: Committed) -> Callable[[Problem], str]:
    """Return what an arm is asked of a problem that is told the way: its statement after the instruction."""
    known, asked = asked_ways(node.recipe), choosing_of(node, traces)
    kind = node.recipe.strategy.kind
    return lambda problem: known[f"{kind}/{asked.named(problem, 0)}"].question(problem.statement)


def told_settings(node: SetNode) -> settings.Settings:
    """Return what the measures of an arm depend on that is told the way, beside the traces of its set."""
    strategy = settings.of_traces(node.recipe)["strategy"]
    return {"strategy": strategy, "seed": settings.teacher_seed(node.recipe), **way_settings(node.recipe)}


def choosing_of(node: SetNode, traces: Committed) -> Choosing:
    """Return which way each problem is asked for in a set, what its pilot measured put in place.

    Raises:
        RecipeError: a file of an instruction cannot be read.
    """
    from potstill.teach.strategies.strategies import assigned_ways, choosing

    recipe = node.recipe
    measured: dict[str, tuple[str, ...]] = {}
    for kind, way, *_, chosen in traces.counts.get("pilot", {}).get("tried", ()):
        if chosen:
            measured[kind] = (*measured.get(kind, ()), way)
    assigned = assigned_ways(recipe.strategy, measured)
    return choosing("", recipe.strategy, Path(recipe.data), settings.teacher_seed(recipe), assigned)
