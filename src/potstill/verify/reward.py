"""An outcome reward model: any transformers sequence classifier, one score a response."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import tee

from potstill.models.local.chat import today, with_date
from potstill.verify.classifier import Classifier, share


@dataclass(frozen=True, slots=True)
class Rewarded:
    """A response's score.

    With one label `raw` is the model's number (any real) and `score` its sigmoid; with two `score` is the probability
    of label 1 and `raw` its log-odds. Both are None, with the reason, where the model could not score the response.
    """

    raw: float | None
    score: float | None
    reason: str = ""
    tokens: int = 0


class OutcomeModel:
    """A sequence classifier as reward model; `unscored` counts the responses that got no score.

    `day` is what a chat template that asks for today's date is told.

    Raises:
        CheckpointError, RecipeError: see `Classifier`.
    """

    def __init__(self, name: str, day: Callable[[], date] = today) -> None:
        self.classifier = Classifier(name, "sequence")
        with_date(self.classifier.tokenizer, day)
        self.unscored = 0

    def score(self, pairs: Iterable[tuple[str, str]]) -> Iterator[Rewarded]:
        """Yield one score a (question, response), in order; the pairs are read a few hundred at a time.

        A response is rendered as the assistant's turn of the model's chat template, or without one as the second text
        of a pair. What is longer than the model reads is not cut: it has no score.
        """
        laid = (self.classifier.layout.outcome(*pair, self.classifier.pad) for pair in pairs)
        rows, again = tee(one.row for one in laid)
        for row, logits in zip(again, self.classifier.logits(rows), strict=True):
            if logits is None:
                yield self._none(row.refused)
                continue
            raw = float(logits[0] if len(logits) == 1 else logits[1] - logits[0])
            if not math.isfinite(raw):
                yield self._none("not a finite number")
                continue
            yield Rewarded(raw, share(logits[None])[0], tokens=len(row.ids))

    def _none(self, reason: str) -> Rewarded:
        self.unscored += 1
        return Rewarded(None, None, reason)
