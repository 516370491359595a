"""An outcome reward model: any transformers sequence classifier, one score a response."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import tee

from potstill.models.local.chat import rendered, today, with_date
from potstill.verify.classifier import Classifier, Row, share


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
        rows, again = tee(self._row(question, response) for question, response in pairs)
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

    def _row(self, question: str, response: str) -> Row:
        tokenizer = self.classifier.tokenizer
        if why := self.classifier.refusal(question, response):
            return Row((), why)
        if tokenizer.chat_template:
            text = self._rendered(question, response)
            return self.classifier.fitted(tokenizer(text, add_special_tokens=False)["input_ids"])
        if tokenizer.sep_token is not None:
            return self.classifier.fitted(tokenizer(question, response)["input_ids"])
        return self.classifier.fitted(tokenizer(f"{question}\n\n{response}")["input_ids"])

    def _rendered(self, question: str, response: str) -> str:
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": response}]
        return rendered(self.classifier.tokenizer, turns, ask=False)
