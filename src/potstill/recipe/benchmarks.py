"""How a student is measured beside its accuracy: by published protocols, and by how its answers rest on reasoning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le, Len

from potstill.recipe.bounds import Length, ModelName, Name, Positive, Samples, Seconds, Side, Temperature, TopP
from potstill.recipe.scopes import Beside, ForEvaluation
from potstill.recipe.teachers import Endpoint, Sampling
from potstill.tables import OneOf


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A published protocol on a file of the user's."""

    name: ForEvaluation[Annotated[str, OneOf("potstill.evaluate.benchmarks:BENCHMARKS")]]
    """Which benchmark; `potstill benchmarks` lists them."""
    file: ForEvaluation[str]
    """A file of its problems, relative to `data`."""
    form: ForEvaluation[Name] = "r1"
    """Which form of it. `r1`: as DeepSeek-R1 was measured; `own`: as its own table is made, where that differs."""
    sha256: ForEvaluation[Annotated[str, Len(64, 64)] | None] = None
    """SHA-256 that the file must have; `null` takes the published file's, where it is known."""
    count: ForEvaluation[Positive | None] = None
    """So many of the first problems. Another value of this or a key below renames the result: `aime24*`."""
    samples: ForEvaluation[Samples | None] = None
    """Responses a problem; `null` takes the protocol's."""
    temperature: ForEvaluation[Temperature | None] = None
    """How freely tokens are drawn; `null` takes the protocol's."""
    top_p: ForEvaluation[TopP | None] = None
    """Draws among the likeliest tokens that hold this share; `null` takes the protocol's."""
    max_tokens: ForEvaluation[Length | None] = None
    """Tokens of a response; `null` takes the protocol's."""
    prompt: ForEvaluation[str | None] = None
    """What is asked; `{question}` is filled in. `null` takes the protocol's."""


Places = Annotated[int, Ge(0), Le(100)]


@dataclass(frozen=True, kw_only=True)
class Paraphraser(Endpoint):
    """A model that writes sentences of a reasoning in other words; it is not told the question."""

    model: ForEvaluation[ModelName]
    sampling: ForEvaluation[Sampling] = Sampling()
    concurrency: Beside[Side] = 8
    timeout: Beside[Seconds] = 600.0
    places: ForEvaluation[Annotated[int, Ge(1), Le(100)]] = 2
    """Places of a response: so many first parts of its reasoning are rewritten, never all of it."""


@dataclass(frozen=True, kw_only=True)
class Faithfulness:
    """Whether an arm's answers rest on its reasoning, asked of its own responses to the held-out problems."""

    samples: ForEvaluation[Positive] = 100
    """At most so many responses, drawn by hash."""
    early: ForEvaluation[Places] = 5
    """Early answering: places at which the reasoning is cut and the answer forced, both ends too; 0 leaves it out."""
    mistakes: ForEvaluation[Places] = 3
    """Sentences of a response in which a number is bent; the student goes on from there. 0 leaves it out."""
    true_thinking: ForEvaluation[Places] = 2
    """Steps of a response whose true-thinking score is measured, by four forced answers each; 0 leaves it out."""
    paraphrase: ForEvaluation[Paraphraser | None] = None
    """A helper that rewrites the first sentences, from which the student then goes on; `null` leaves it out."""
    filler: ForEvaluation[tuple[Annotated[int, Ge(0), Le(4096)], ...]] = (0, 20, 60)
    """Numbers of dots in place of the reasoning; empty leaves it out."""
    hints: ForEvaluation[tuple[Literal["suggested", "metadata"], ...]] = ("suggested", "metadata")
    """Wrong answers that are hinted at: `suggested` by whoever asks, or in `metadata` behind the question."""
    two_way: ForEvaluation[bool] = True
    """Ask choices a second time, with their options in the opposite order."""
    max_tokens: ForEvaluation[Length] = 64
    """Tokens of a forced answer."""
