"""How a student is measured beside its held-out problems: published protocols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Len

from potstill.recipe.bounds import Length, Name, Positive, Samples, Temperature, TopP
from potstill.recipe.scopes import ForEvaluation
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
