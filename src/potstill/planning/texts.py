"""How long texts are in tokens before any tokenizer reads them: counted by words, digits and signs.

A token a digit, as today's tokenizers have it, one a sign, one a space before a digit, one a word and an eighth more
for each letter beyond the seventh. On 200 responses each of DeepSeek-R1 and others on GSM8K, of 15 models on MATH-500,
and of the worked teacher it is 1%, 3% and 0% off SmolLM2's own tokenizer, on their questions 2% (docs/log.md).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from potstill.planning.figures import Basis, Figure
from potstill.recipe import Student

_PIECE = re.compile(r"[^\W\d_]+|\d|[^\w\s]|_|\n+| (?=\d)")
"""`3` and `,`, `apples`, the space of ` 3`."""
_LONG_WORD = re.compile(r"[^\W\d_]{8,}")
"""`multiplication`, which has more letters than `SHORT_WORD`."""
SHORT_WORD = 7
OFF = {False: 0.08, True: 0.12}
"""Share by which the count may be off, by whether the tokenizer is made from the examples: of a small vocabulary."""
TEMPLATE = {False: 30, True: 5}
"""Tokens that a chat template adds to a row: SmolLM2's has a system message; ours marks the turns."""
MOST_TEXTS = 2000
COUNTED = 300
"""Texts whose tokens are counted, of how many there ever are: evenly spread."""
RESAMPLES = 400


def tokens_of(text: str) -> float:
    """Return about how many tokens a text has; linear in the text."""
    return len(_PIECE.findall(text)) + sum(len(word) - SHORT_WORD for word in _LONG_WORD.findall(text)) / 8


@dataclass(frozen=True, slots=True)
class TextTokens:
    """The tokens of one example by part, about."""

    question: float
    reasoning: float
    answer: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Lengths:
    """The lengths of some texts of a kind, and what they rest on; `of` says which they are."""

    texts: Sequence[TextTokens]
    basis: Basis
    of: str

    def rows(self, student: Student, *, answers_only: bool) -> list[float]:
        """Return the tokens of the rows that a student would read."""
        scratch = student.scratch is not None
        marks = 2 if scratch else tokens_of(student.reasoning_open) + tokens_of(student.reasoning_close)
        added = TEMPLATE[scratch] + (0 if answers_only else marks) + tokens_of(student.prompt.replace("{question}", ""))
        return [text.question + text.answer + added + (0 if answers_only else text.reasoning) for text in self.texts]

    def mean(self, sizes: Sequence[float], off: float, what: str) -> Figure:
        """Return the mean of sizes of these texts: 80% interval of a bootstrap, and the count's own error."""
        low, high = interval(sizes, 0.1) if self.basis != "known" else (mean_of(sizes), mean_of(sizes))
        centre = mean_of(sizes)
        basis: Basis = "formula" if self.basis == "known" else self.basis
        return Figure(
            value=centre, low=min(low, centre) * (1 - off), high=max(high, centre) * (1 + off), basis=basis,
            how=f"{what} of {self.of}",
        )  # fmt: skip


def counted(parts: Iterable[tuple[str, str, str]], basis: Basis, of: str) -> Lengths:
    """Return the lengths of (question, reasoning, answer)."""
    there = list(parts)
    step = max(1, len(there) // COUNTED) if basis != "known" else 1
    return Lengths(texts=[TextTokens(*map(tokens_of, part)) for part in there[::step]], basis=basis, of=of)


def mean_of(values: Sequence[float]) -> float:
    """Return the mean of some values."""
    return sum(values) / len(values)


def interval(values: Sequence[float], tail: float, seed: int = 0) -> tuple[float, float]:
    """Return the bounds of the mean of values that leave `tail` out at each end, by resampling them."""
    return _interval(tuple(values), tail, seed)


@lru_cache(maxsize=64)
def _interval(values: tuple[float, ...], tail: float, seed: int) -> tuple[float, float]:
    """Return it once for arms that are asked alike."""
    draw = random.Random(f"interval {seed}")
    means = sorted(mean_of(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return means[int(tail * RESAMPLES)], means[int((1 - tail) * RESAMPLES) - 1]
