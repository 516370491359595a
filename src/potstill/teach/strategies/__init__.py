"""How a problem is put to a teacher: a strategy is a file of this folder and its line here.

A file has `PROMPT`, the text that is taken where the recipe has none, `SLOTS`, the places of a prompt that it fills in,
and `asking(prompt, strategy, material)`, which returns how every problem of a run is asked. One that asks several
things has `ROLES`, the further prompts with their places (`roles.texts_of`); a section of the recipe that one kind
alone has is a line of `recipe.strategies.OWN`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from potstill.recipe import Strategy
from potstill.records import Problem
from potstill.tables import Table
from potstill.teach.prompts import Asking


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a strategy may draw on: the problems of both sides, read anew at each call, and a seed.

    `data` is the folder that files of the recipe are relative to, `kept` the file in which what was drawn is kept.
    `measured` are the ways that a pilot found for kinds of problems, see `piloted_ways`.
    """

    training: Callable[[], Iterable[Problem]]
    held_out: Callable[[], Iterable[Problem]]
    data: Path
    seed: int
    kept: Path
    measured: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class StrategyFile(Protocol):
    """What a file of this folder has."""

    PROMPT: str
    SLOTS: tuple[str, ...]

    def asking(self, prompt: str, strategy: Strategy, material: Material) -> Asking:
        """Return how every problem is asked."""


STRATEGIES: Table[StrategyFile] = Table(
    "strategy",
    "potstill.strategies",
    {
        "zero_shot": "potstill.teach.strategies.zero_shot",
        "few_shot": "potstill.teach.strategies.few_shot",
        "explain": "potstill.teach.strategies.explain",
        "react": "potstill.teach.strategies.react",
        "tree": "potstill.teach.strategies.tree",
        "verify_chain": "potstill.teach.strategies.verify_chain",
        "strategies": "potstill.teach.strategies.strategies",
        "rationalise": "potstill.teach.strategies.rationalise",
    },
)
