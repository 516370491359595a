"""Where problems come from, and what is held out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Len

from potstill.recipe.bounds import Length, Name, Positive, Seed, Share
from potstill.recipe.scopes import ForAnswers, ForProblems
from potstill.tables import OneOf

PROBLEM_COLUMNS = ("id", "question", "gold", "choices", "solution", "difficulty", "domain")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where problems come from: exactly one of `family`, `reasoning_gym`, `file`, `dataset`, `loader`."""

    alternatives: ClassVar[tuple[str, ...]] = ("family", "reasoning_gym", "file", "dataset", "loader")
    family: ForProblems[str | None] = None
    """A procedural family of potstill's own, by name."""
    reasoning_gym: ForProblems[str | None] = None
    """A task of the reasoning-gym package, by name; judged by its own scorer, right only at full score."""
    file: ForProblems[str | None] = None
    """A file of problems, relative to `data`, a folder of such files, or a pattern such as `part-*.jsonl`. JSONL, JSON,
    CSV, TSV, XLSX or Parquet (`.gz` and `.zst` too, but not of XLSX and Parquet)."""
    dataset: ForProblems[str | None] = None
    """A Hugging Face dataset by hub name or local path."""
    loader: ForProblems[str | None] = None
    """A function of yours, `module:function`, that returns an iterable of dicts with the problem fields."""
    count: ForProblems[Positive | None] = None
    """How many problems to generate, or at most to read; generators need it."""
    settings: ForProblems[dict[str, Any]] = field(default_factory=dict)
    """Settings of the family, task or loader."""
    columns: ForProblems[dict[str, str]] = field(default_factory=dict)
    """Which column holds what: problem field -> column (fields: id, question, gold, choices, solution, difficulty,
    domain)."""
    delimiter: ForProblems[Annotated[str, Len(1, 1)] | None] = None
    """What separates the columns of a CSV file; `null` takes commas, or what its first line says."""
    gold_names: ForProblems[Literal["label", "text", "index_from_0", "index_from_1"] | None] = None
    """How golds name one of the `choices`; `null`: told by what fits all rows, or asked for."""
    max_characters: ForProblems[Length] = 1_000_000
    """Characters of one text; a longer one is an error. A row may have 16 times as many bytes, or 16 MB."""
    split: ForProblems[str | None] = None
    """Split of a Hugging Face dataset."""
    use: ForProblems[Literal["both", "train", "evaluate"]] = "both"
    """What for. `both`: divided by content into training and evaluation; otherwise all of it for one side."""
    answer_kind: ForProblems[Annotated[str, OneOf("potstill.verify.answer_kinds:ANSWER_KINDS")] | None] = None
    """How answers compare; families and tasks know their own. `null`: as a column `gold_type` or the gold says."""
    checker: ForAnswers[str | None] = None
    """A function of yours, `module:function`: (problem, answer) -> True, False or None for unknown."""
    domain: ForProblems[str | None] = None
    """What the problems are about, such as mathematics; families and tasks know their own."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """Further training problems that the teacher writes, each from a training problem, and that are worth keeping."""

    ways: ForProblems[Annotated[tuple[Name, ...], Len(1)]] = ("deeper", "broader", "rephrased", "renumbered")
    """What is written, drawn for each by the seed. `deeper`: a step more; `broader`: another situation; `rephrased`:
    the same in other words; `renumbered`: the same with other numbers; or a way of `prompts`."""
    prompts: ForProblems[dict[str, str]] = field(default_factory=dict)
    """Files with the prompts of ways, relative to `data`: way -> file. One for a name of ours takes its place."""
    each: ForProblems[Annotated[int, Gt(0), Le(1000)]] = 1
    """Problems that are written from one training problem."""
    seeds: ForProblems[Positive | None] = None
    """Training problems that are written from, drawn by the seed; `null` takes all. Those with choices, programs,
    several parts or a checker are never written from."""
    near: ForProblems[Annotated[float, Gt(0), Le(1)]] = 0.6
    """Drop what has the numbers of a training problem or of one written before, and at least this share of their runs
    of three words together in both."""
    samples: ForProblems[Annotated[int, Ge(2), Le(1000)]] = 5
    """Times that the teacher solves what it wrote."""
    agree: ForProblems[Annotated[float, Gt(0.5), Le(1)]] = 0.8
    """Keep what at least this share of the samples solve with one answer, which is then its gold."""


@dataclass(frozen=True, kw_only=True)
class Problems:
    """What is asked, and what is held out."""

    sources: ForProblems[Annotated[tuple[Source, ...], Len(1)]]
    """One entry for each place that problems come from."""
    evaluate: ForProblems[Positive] = 200
    """Problems held out by content, never trained on. They come from the sources with `use: both`; those with
    `use: evaluate` are held out whole."""
    train: ForProblems[Positive | None] = None
    """At most this many training problems; `null` takes all."""
    near: ForProblems[Share | None] = 0.25
    """Drop training problems that are edited copies of a held-out one: with its numbers and gold, and of their runs of
    three words together at least this share in both. `null` looks for none. Generated problems are not looked at."""
    against: ForProblems[tuple[str, ...]] = ()
    """Files of test questions, of any format that problems can have, that no training problem may be a copy of, edited
    or not. The problems of `evaluate.benchmarks` are such tests without being named here."""
    written: ForProblems[Written | None] = None
    """Further training problems that the teacher writes; `null`: none."""
    seed: ForProblems[Seed | None] = None
    """Seed of generation and split; `null` takes the recipe's."""
