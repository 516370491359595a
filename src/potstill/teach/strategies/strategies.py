"""Ways of solving by the kind of problem, with the instruction erased (Orca 2, Mitra et al. 2023, arXiv 2311.11045).

The teacher gets the instruction of one way as its system message; the student's rows have the student's own prompt, so
that it has to learn which way suits. Which way a kind gets is assigned in the recipe or measured on a pilot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from potstill.errors import RecipeError, nearest
from potstill.recipe import Strategy, Ways
from potstill.records import Problem, content_key
from potstill.teach.prompts import Asking
from potstill.teach.roles import packaged, read_prompt
from potstill.teach.strategies import Material

PROMPT = packaged("zero_shot")
SLOTS = ("question", "answer_form")
PACKAGED = (
    "step_by_step", "recall_then_generate", "recall_reason_generate", "extract_then_compute", "explain_then_answer",
    "elimination", "analogy", "direct",
)  # fmt: skip
"""Each is a file `strategies_NAME.txt` among the prompts."""
DIRECT = ("direct",)
"""Packaged ways without reasoning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing(Asking):
    """How every sample of a problem is asked: under the instruction of a way of its kind.

    `assigned` holds the ways of each kind; of several, each sample draws one by hash.
    """

    ways: Ways
    texts: Mapping[str, str]
    assigned: Mapping[str, tuple[str, ...]]
    seed: int

    def system_of(self, problem: Problem, sample: int) -> str:
        """Return the instruction of the way that is drawn."""
        return self.texts[self.named(problem, sample)]

    def ways_of(self, problem: Problem) -> tuple[str, ...]:
        """Return the ways of a problem's kind."""
        return self.assigned.get(kind_of(problem, self.ways), (self.ways.otherwise,))

    def named(self, problem: Problem, sample: int) -> str:
        """Return the name of the way that is drawn."""
        return min(self.ways_of(problem), key=lambda name: content_key("way", self.seed, problem.key, sample, name))


def kind_of(problem: Problem, ways: Ways) -> str:
    """Return the kind of a problem; by `kind` what its facts say of it, empty where they do not."""
    if ways.by == "kind":
        try:
            facts = json.loads(problem.facts)
        except ValueError:
            return ""
        return str(facts.get("kind", "")) if isinstance(facts, dict) else ""
    return str(getattr(problem, ways.by))


def instructions(ways: Ways, data: Path) -> dict[str, str]:
    """Return the instruction of every way, packaged and own.

    Raises:
        RecipeError: a file cannot be read, or `assign`, `among` or `otherwise` name a way that there is not.
    """
    texts = {name: packaged(f"strategies_{name}") for name in PACKAGED}
    for way in ways.own:
        path = data / Path(way.file).expanduser()
        texts[way.name] = read_prompt(path, f"strategy.ways.own {way.name}: {path}")
    named = [("otherwise", ways.otherwise), *(("among", name) for name in ways.among)]
    named += [(f"assign.{kind}", name) for kind, name in ways.assign.items()]
    for where, name in named:
        if name not in texts:
            raise RecipeError(
                f"strategy.ways.{where}: there is no way {name!r}{nearest(name, list(texts))}; write its instruction "
                "into a file and name it in strategy.ways.own"
            )
    return texts


def direct_ways(ways: Ways) -> frozenset[str]:
    """Return the names of the ways without reasoning."""
    own = {way.name for way in ways.own}
    return frozenset([*(name for name in DIRECT if name not in own), *(way.name for way in ways.own if way.direct)])


def choosing(
    prompt: str, strategy: Strategy, data: Path, seed: int, assigned: Mapping[str, tuple[str, ...]]
) -> Choosing:
    """Return how problems are asked where the ways of each kind are known."""
    ways = strategy.ways or Ways()
    return Choosing("", prompt, ways=ways, texts=instructions(ways, data), assigned=assigned, seed=seed)


def assigned_ways(strategy: Strategy, measured: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return the ways of each kind; what a pilot has measured takes the place of what the recipe assigns."""
    ways = strategy.ways or Ways()
    return {kind: (name,) for kind, name in ways.assign.items()} | dict(measured)


def asking(prompt: str, strategy: Strategy, material: Material) -> Asking:
    """Return how every problem is asked."""
    return choosing(prompt, strategy, material.data, material.seed, assigned_ways(strategy, material.measured))
