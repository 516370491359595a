"""Which traces quote a test: runs of words that a trace has from a test question, and its own question has not. Pure.

A question is quoted where at least a share of its runs of `RUN` words stand in the trace. It is containment, not
likeness: a trace is many times longer than a question (Broder 1997). Runs that several questions share are their form
and count for nothing; so do those of the question that was asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from potstill.problems.near import words_of

RUN = 8
"""Words of a run, as in the decontamination of GPT-3's and its successors' training data, which take 8 to 13."""
FEWEST = 3
"""Runs of a question below which it is too short to be quoted by more than chance."""
COMMON = 3
"""Questions that share a run from which it is their form."""
SHOWN = 16
"""Words that are shown of what was met."""


class QuoteIndex:
    """Test questions to be met in traces; `share` is the least share of a question's runs."""

    def __init__(self, share: float, questions: Iterable[tuple[str, str]]) -> None:
        """Take (name, text) of each question."""
        self.share = share
        places: dict[str, list[int]] = {}
        self._names: list[str] = []
        for name, text in questions:
            for run in set(_runs(words_of(text))):
                places.setdefault(run, []).append(len(self._names))
            self._names.append(name)
        self._by_run = {run: tuple(found) for run, found in places.items() if len(found) < COMMON}
        self._sizes = Counter(place for found in self._by_run.values() for place in found)

    def quoted(self, text: str, asked: str) -> str:
        """Return what of which question a text quotes, "" where it quotes none."""
        words = words_of(text)
        met: dict[int, set[str]] = {}
        for run in _runs(words):
            for place in self._by_run.get(run, ()):
                met.setdefault(place, set()).add(run)
        if not met:
            return ""
        own = set(_runs(words_of(asked)))
        found = [
            (len(runs - own) / self._sizes[place], place, runs - own) for place, runs in sorted(met.items())
            if self._sizes[place] >= FEWEST and runs - own
        ]  # fmt: skip
        share, place, runs = max(found, key=lambda one: (one[0], -one[1]), default=(0.0, 0, set[str]()))
        if share < self.share:
            return ""
        return f"{share:.0%} of {self._names[place]}: '{_stretch(words, runs)}'"


def _runs(words: list[str]) -> list[str]:
    return [" ".join(words[at : at + RUN]) for at in range(len(words) - RUN + 1)]


def _stretch(words: list[str], runs: set[str]) -> str:
    """Return the first stretch of words that these runs make, cut to what is shown."""
    start = next(at for at, run in enumerate(_runs(words)) if run in runs)
    end = start
    while end + RUN <= len(words) and " ".join(words[end : end + RUN]) in runs:
        end += 1
    return " ".join(words[start : min(end + RUN - 1, start + SHOWN)])
