"""What curation must know of how traces were asked: instructions not to be repeated, answers that were told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from potstill.curate.filters import AskedWay
from potstill.pipeline.settings import chosen
from potstill.recipe import Rationalise, Recipe, Strategy, Ways

Known = dict[str, AskedWay]
"""By what traces name as their strategy."""


def asked_ways(recipe: Recipe) -> Known:
    """Return what is to be known of each way in which the strategy of a set asks; nothing of most strategies.

    Raises:
        RecipeError: a file of an instruction cannot be read.
    """
    strategy = recipe.strategy
    if strategy.kind == "strategies":
        from potstill.teach.strategies.strategies import direct_ways, instructions

        ways = strategy.ways or Ways()
        direct = direct_ways(ways)
        return {
            f"{strategy.kind}/{name}": AskedWay(instruction=text, direct=name in direct, shown=not ways.erase)
            for name, text in instructions(ways, Path(recipe.data)).items()
        }
    if strategy.kind == "rationalise":
        from potstill.teach.strategies.rationalise import HINTED

        return {f"{strategy.kind}/{HINTED}": AskedWay(hinted=True)}
    return {}


def hinted_share(strategy: Strategy) -> float:
    """Return the share of examples that may have been told their answer."""
    return (strategy.rationalise or Rationalise()).share_at_most if strategy.kind == "rationalise" else 1.0


def way_settings(recipe: Recipe) -> dict[str, Any]:
    """Return what examples depend on of it, empty for most strategies."""
    known = asked_ways(recipe)
    if not known:
        return {}
    told = {
        name: [way.instruction, way.direct, way.hinted, *([True] if way.shown else [])] for name, way in known.items()
    }
    capped = chosen(recipe.strategy.rationalise or Rationalise(), "examples")
    return {"told": told, "strategy": {"rationalise": capped}}
