"""Where problems come from, and what is held out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Len

from potstill.recipe.bounds import Length, Positive, Seed
from potstill.recipe.scopes import ForAnswers, ForProblems
from potstill.tables import OneOf

PROBLEM_COLUMNS = ("id", "question", "gold", "choices", "solution", "difficulty", "domain")


@dataclass(frozen=True)
class Source:
    """Where problems come from: exactly one of `family`, `reasoning_gym`, `file`, `dataset`, `loader`."""

    family: ForProblems[str | None] = None
    """A procedural family of potstill's own, by name."""
    reasoning_gym: ForProblems[str | None] = None
    """A task of the reasoning-gym package, by name; judged by its own scorer, right only at full score."""
    file: ForProblems[str | None] = None
    """A JSONL, JSON, CSV, TSV or Parquet file (`.gz` and `.zst` allowed but for Parquet), relative to `data`."""
    dataset: ForProblems[str | None] = None
    """A Hugging Face dataset by hub name or local path."""
    loader: ForProblems[str | None] = None
    """`module:function` of yours that returns an iterable of dicts with the problem fields."""
    count: ForProblems[Positive | None] = None
    """How many problems to generate, or at most to read; generators need it."""
    settings: ForProblems[dict[str, Any]] = field(default_factory=dict)
    """Settings of the family, task or loader."""
    columns: ForProblems[dict[str, str]] = field(default_factory=dict)
    """Problem field -> column (fields: id, question, gold, choices, solution, difficulty, domain)."""
    delimiter: ForProblems[Annotated[str, Len(1, 1)] | None] = None
    gold_names: ForProblems[Literal["label", "text", "index_from_0", "index_from_1"] | None] = None
    max_characters: ForProblems[Length] = 1_000_000
    split: ForProblems[str | None] = None
    """Split of a Hugging Face dataset."""
    use: ForProblems[Literal["both", "train", "evaluate"]] = "both"
    """`both`: divided by content into training and evaluation; otherwise all of it for one side."""
    answer_kind: ForProblems[Annotated[str, OneOf("potstill.verify.answer_kinds:ANSWER_KINDS")] | None] = None
    """How answers compare; families and tasks know their own. `null`: by a column `gold_type`, else by the gold."""
    checker: ForAnswers[str | None] = None
    """`module:function` of yours: (problem, answer) -> True, False or None for unknown."""
    domain: ForProblems[str | None] = None


@dataclass(frozen=True)
class Problems:
    """What is asked, and what is held out."""

    sources: ForProblems[Annotated[tuple[Source, ...], Len(1)]]
    evaluate: ForProblems[Positive] = 200
    """Held-out problems taken from the sources with `use: both` (sources with `use: evaluate` are held out whole)."""
    train: ForProblems[Positive | None] = None
    """At most this many training problems."""
    seed: ForProblems[Seed | None] = None
    """Seed of generation and split; `null` takes the recipe's."""
