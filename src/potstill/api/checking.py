"""What `potstill check` finds, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from potstill.api.given import Given, read_recipe
from potstill.recipe import Recipe


@dataclass(frozen=True)
class Checked:
    """A sound recipe: its stages in order, its graph in lines, and what could not be looked at, with the reasons."""

    recipe: Recipe
    stages: tuple[str, ...]
    graph: str
    not_looked_at: tuple[str, ...]

    def __str__(self) -> str:
        unseen = [f"not looked at: {what}" for what in self.not_looked_at]
        return "\n".join([f"{self.recipe.name} is sound: {' > '.join(self.stages)}", self.graph, *unseen])


def check(
    recipe: Given, *, overrides: Mapping[str, object] | None = None, run_untrusted_code_without_a_sandbox: bool = False
) -> Checked:
    """Check a recipe and what it names before anything is spent; see `run` for what is taken.

    Raises:
        PotstillError: the first thing that is wrong, in one line with the key and what to do.
    """
    from potstill.graph import graph_of
    from potstill.pipeline.checks import check_recipe
    from potstill.pipeline.stages import stages_of

    given = read_recipe(recipe, overrides)
    with given.located():
        unseen = check_recipe(given.recipe, without_sandbox=run_untrusted_code_without_a_sandbox)
        stages = tuple(stage.name for stage in stages_of(given.recipe))
    return Checked(given.recipe, stages, graph_of(given.recipe).text(), tuple(unseen))
