"""A guess from single words: what can be told of a text without reading it. A baseline, by multinomial naive Bayes."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable

_WORD = re.compile(r"\w+")
"""The words and numbers of `2 kg of rice`: four."""


class WordGuess:
    """Guesses labels of texts by their words, with counts of texts whose labels are known, one added to each."""

    def __init__(self, known: Iterable[tuple[str, str]]) -> None:
        self._labels: Counter[str] = Counter()
        self._words: dict[str, Counter[str]] = {}
        for text, label in known:
            self._labels[label] += 1
            self._words.setdefault(label, Counter()).update(_words(text))
        self._vocabulary = len(set().union(*self._words.values()))
        self._totals = {label: sum(words.values()) for label, words in self._words.items()}

    def guess(self, text: str) -> str:
        """Return the likeliest label, of equals the first by name; empty where no text was known."""
        return max(sorted(self._labels), key=lambda label: self._log_likelihood(text, label), default="")

    def _log_likelihood(self, text: str, label: str) -> float:
        words, total = self._words[label], self._totals[label] + self._vocabulary + 1
        said = math.fsum(math.log((words[word] + 1) / total) for word in _words(text))
        return math.log(self._labels[label]) + said


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
