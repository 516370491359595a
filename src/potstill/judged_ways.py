"""Students that judge which way of solving suits a kind of problem: the arms that a set names, and what they need."""

from __future__ import annotations

from collections.abc import Mapping

from potstill.errors import nearest
from potstill.nodes import GraphError
from potstill.recipe import Recipe, Ways


def judging_arms(recipe: Recipe) -> Mapping[str, str]:
    """Return the arms that judge the pilot of a set, by the way that each was taught; none where the teacher does."""
    ways = recipe.strategy.ways
    if recipe.strategy.kind != "strategies" or ways is None or ways.pilot is None:
        return {}
    return ways.judge_by


def check_judging(name: str, recipe: Recipe, taught_on: Mapping[str, Recipe | None]) -> None:
    """Refuse judges of the set `name` that are not there, or may have been taught what they are asked.

    `taught_on` has for each arm the recipe of the set that it was trained on last, None for an untouched one.

    Raises:
        GraphError: an arm or its set is not fit to judge.
    """
    ways = recipe.strategy.ways or Ways()
    where = ("sets", name, "strategy", "ways", "judge_by")
    if ways.judge_by and ways.pilot is None:
        raise GraphError(where, "students judge a pilot, and there is none: give `pilot`, a number of problems a kind")
    for way, arm in judging_arms(recipe).items():
        if arm not in taught_on:
            raise GraphError((*where, way), f"there is no arm {arm!r}{nearest(arm, list(taught_on))}")
        taught = taught_on[arm]
        if taught is None or taught.strategy.kind != "strategies":
            raise GraphError((*where, way), f"{arm!r} is trained on no set of the strategy `strategies`")
        if (taught.strategy.ways or Ways()).spared < (ways.pilot or 0):
            raise GraphError(
                (*where, way),
                f"{arm!r} may have been taught the problems that it is to judge by: give its set "
                f"`strategy: {{ways: {{spared: {ways.pilot}}}}}`",
            )
