"""What a phase of an arm does: a method is a file of this folder and its line here.

A method trains from one checkpoint to the next. It gets the recipe of its phase, its rows and where the checkpoint
before it is, writes `model`, `losses.json` and `audit.txt` into its work folder, and returns the counts of the stage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from potstill import recipe
from potstill.tables import Table

if TYPE_CHECKING:
    from potstill.records import Problem
    from potstill.train.answers import ProblemsApart
    from potstill.train.rewards import TrainedScorer
    from potstill.train.rows import Rows
    from potstill.verify import Verdicts

Matched = tuple[Literal["examples", "tokens", "flops"], Mapping[str, int]]
"""What is matched, and how many rows, tokens and FLOPs the other arm was trained on."""


@dataclass(frozen=True, kw_only=True)
class Taught:
    """Who teaches a phase its distributions: a checkpoint by its folder or name, with a key of what is in it.

    `logits` is the folder of its stored distributions, None where it runs beside the student.
    """

    name: str
    digest: str
    logits: Path | None = None


class FromRows(Protocol):
    """One phase of the arm `name` on rows; without `shuffle` the first epoch keeps the order of the rows.

    `taught` comes where `train.loss.kl` is given; a method that does not take it is one that learns from text alone.
    `asked` comes where `train.look.answers` is.
    Returns at least examples, dropped (rows by reason), steps, rows, tokens (of all rows seen) and flops.
    """

    def __call__(  # noqa: D102 - said above
        self, whole: recipe.Recipe, name: str, rows: Rows, *, base: Path, work: Path, seed: int,
        shuffle: bool, matched: Matched | None = None, taught: Taught | None = None, asked: ProblemsApart | None = None,
    ) -> dict[str, Any]: ...  # fmt: skip


class FromProblems(Protocol):
    """One phase of the arm `name` on what the student answers to `problems`, of which none is held out.

    `verdicts` opens what judges answers, as traces and held-out answers are judged; `taught` comes as to `FromRows`,
    `scorers` where answers are rewarded by reward models. Returns the same counts.
    """

    def __call__(  # noqa: D102 - said above
        self, whole: recipe.Recipe, name: str, problems: Sequence[Problem], *, base: Path, work: Path, seed: int,
        verdicts: Callable[[], Verdicts], matched: Matched | None = None, taught: Taught | None = None,
        scorers: Mapping[str, TrainedScorer] | None = None,
    ) -> dict[str, Any]: ...  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pairs to train on: row 2i is the better one of pair i, row 2i + 1 the other.

    `reference` has log p of each row's trained tokens, summed in nats, under the student before it is trained;
    `digest` is a key of them.
    """

    rows: Rows
    reference: Sequence[float]
    digest: str


class FromPairs(Protocol):
    """One phase of the arm `name` on pairs of rows. Returns the same counts; `examples` are pairs."""

    def __call__(  # noqa: D102 - said above
        self, whole: recipe.Recipe, name: str, pairs: Pairs, *, base: Path, work: Path, seed: int,
        matched: Matched | None = None,
    ) -> dict[str, Any]: ...  # fmt: skip


Method = FromRows | FromProblems | FromPairs
Source = Literal["rows", "problems", "pairs"]
METHODS: Table[Method] = Table(
    "method",
    "potstill.methods",
    {
        "sft": "potstill.train.methods.sft:sft",
        "grpo": "potstill.train.methods.grpo:grpo",
        "on_policy": "potstill.train.methods.on_policy:on_policy",
        "dpo": "potstill.train.methods.dpo:dpo",
    },
)
SECTIONS = frozenset({"grpo", "on_policy", "dpo"})
"""Keys of `train` that are the settings of the method of that name, and decide nothing under another."""


def learns_from(name: str) -> Source:
    """Return what a method is given: what its third parameter is called."""
    third = "rows" if name == "sft" else list(signature(METHODS[name]).parameters)[2]
    return "problems" if third == "problems" else "pairs" if third == "pairs" else "rows"


def learns_from_problems(name: str) -> bool:
    """Return whether a method is a `FromProblems`."""
    return learns_from(name) == "problems"
