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
    Returns at least examples, dropped (rows by reason), steps, rows, tokens (of all rows seen) and flops.
    """

    def __call__(  # noqa: D102 - said above
        self, whole: recipe.Recipe, name: str, rows: Rows, *, base: Path, work: Path, seed: int,
        shuffle: bool, matched: Matched | None = None, taught: Taught | None = None,
    ) -> dict[str, Any]: ...  # fmt: skip


class FromProblems(Protocol):
    """One phase of the arm `name` on what the student answers to `problems`, of which none is held out.

    `verdicts` opens what judges answers, as traces and held-out answers are judged. Returns the same counts.
    """

    def __call__(  # noqa: D102 - said above
        self, whole: recipe.Recipe, name: str, problems: Sequence[Problem], *, base: Path, work: Path, seed: int,
        verdicts: Callable[[], Verdicts], matched: Matched | None = None,
    ) -> dict[str, Any]: ...  # fmt: skip


Method = FromRows | FromProblems
METHODS: Table[Method] = Table(
    "method",
    "potstill.methods",
    {"sft": "potstill.train.methods.sft:sft", "grpo": "potstill.train.methods.grpo:grpo"},
)
SECTIONS = frozenset({"grpo"})
"""Keys of `train` that are the settings of the method of that name, and decide nothing under another."""


def learns_from_problems(name: str) -> bool:
    """Return whether a method is a `FromProblems`: its third parameter is called `problems`."""
    return name != "sft" and "problems" in signature(METHODS[name]).parameters
