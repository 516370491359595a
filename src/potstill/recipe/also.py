"""Other problems that every arm is measured on, which it was not trained for: what training made it forget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Len

from potstill.recipe.bounds import Positive
from potstill.recipe.problems import Source
from potstill.recipe.scopes import ForEvaluation


@dataclass(frozen=True, kw_only=True)
class Also:
    """Other problems than those that are taught, to see what was lost."""

    name: ForEvaluation[Annotated[str, Len(1, 40)]]
    """What the report calls them."""
    sources: ForEvaluation[Annotated[tuple[Source, ...], Len(1)]]
    """Where they come from, as in `problems.sources`: your files, or families that are not trained on."""
    count: ForEvaluation[Positive] = 200
    """At most so many of them, drawn by hash; those that are trained on are left out."""
