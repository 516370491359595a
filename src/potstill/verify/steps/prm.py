"""A process reward model: any transformers token classifier, one score a step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import tee
from typing import Literal

from potstill.errors import RecipeError
from potstill.verify.classifier import Classifier, share


@dataclass(frozen=True, slots=True)
class StepScores:
    """One score a step, each the probability that the step is right; None with the reason where there are none."""

    scores: tuple[float, ...] | None
    reason: str = ""
    tokens: int = 0


class ProcessModel:
    """A token classifier as process reward model; `unscored` counts the solutions that got no scores.

    How a solution is laid out is said at `Layout.process`. Of two labels label 1 is the right one, a single label goes
    through the sigmoid.

    Raises:
        RecipeError: see `Classifier`; or the separator has no tokens.
    """

    def __init__(self, name: str, separator: str) -> None:
        self.classifier = Classifier(name, "token")
        self.separator = self.classifier.layout.ids(separator)
        if not self.separator:
            raise RecipeError(f"checks.reward.separator {separator!r} has no tokens in the vocabulary of {name}")
        self.unscored = 0

    def score(self, solutions: Iterable[tuple[str, Sequence[str]]]) -> Iterator[StepScores]:
        """Yield the scores of each (question, steps), in order; the solutions are read a few hundred at a time.

        White space around a step is left to the separator. What is longer than the model reads is not cut: it has no
        scores, nor has a solution without steps.
        """
        laid, again = tee(self.classifier.layout.process(*solution, self.separator) for solution in solutions)
        for one, logits in zip(again, self.classifier.logits(item.row for item in laid), strict=True):
            if logits is None:
                yield self._none(one.row.refused)
                continue
            scores = tuple(share(logits[list(one.ends)]))
            if not all(map(math.isfinite, scores)):
                yield self._none("not a finite number")
                continue
            yield StepScores(scores, tokens=len(one.row.ids))

    def _none(self, reason: str) -> StepScores:
        self.unscored += 1
        return StepScores(None, reason)


def aggregate(scores: Sequence[float], how: Literal["min", "product", "last", "mean"]) -> float:
    """Return one score of a solution from those of its steps, of which there is at least one."""
    if how == "min":
        return min(scores)
    if how == "product":
        return math.prod(scores)
    return scores[-1] if how == "last" else math.fsum(scores) / len(scores)


def first_below(scores: Sequence[float], threshold: float) -> int | None:
    """Return the first step (from 0) whose score is below a threshold, None if none is: ProcessBench's reading."""
    return next((number for number, score in enumerate(scores) if score < threshold), None)
