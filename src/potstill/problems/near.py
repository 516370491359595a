"""Questions that are nearly those of another set: edited copies, with the same numbers. Pure, linear in the text.

Two questions are near where their numbers are the same, their golds are not two different ones, and the Jaccard index
of their runs of three words is at least a threshold (Broder 1997, "On the resemblance and containment of documents").
The index is exact: who shares no run is never compared. Questions of one template with other numbers are other
problems, and not near; those without numbers, which differ in a word, need `WITHOUT_NUMBERS` at least.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

RUN = 3
"""Words of a run; a shorter text is one run."""
_WORD = re.compile(r"(?<!\S)[()\[\]{}<>](?: [()\[\]{}<>])+(?!\S)|\d+(?:[.,]\d+)*|[^\W\d_]+|[^\w\s]")
"""`( [ <`, `1,200.50`, `coins`, `%`. Brackets written one by one are what a text is about, and together are one word:
as marks they would leave two such texts alike."""
_MARKS = frozenset(".,;:!?'\"()[]{}$\\*_`“”‘’")
"""Marks that copies drop or add."""
MOST_GOLD = 2
"""Words of a gold that another way of writing would not change: `72`, `$ 18`, `Paris`, `B`."""
COMMON = 3
"""Different questions of the index that share a run, from which it is their form and counts for nothing: `Complete the
rest of the sequence, making sure that ...`."""


FEWEST = 3
"""Runs that near questions in which no number is have in common at least, where one has a form: what is left of
`not ( True or True ) is` without it stands in many others."""
WITHOUT_NUMBERS = 0.6
"""The least Jaccard index of near questions in which no number is: `What is the capital of France?`, `of Spain?`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Near:
    """A question of the index that another one is near: its name, the Jaccard index, and a run that both have."""

    name: str
    jaccard: float
    shared: str

    def __str__(self) -> str:
        return f"{self.jaccard:.0%} of the words of {self.name}, such as '{self.shared}'"


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    runs: frozenset[tuple[str, ...]]
    numbers: tuple[str, ...]
    gold: str


class NearIndex:
    """Questions to be met; `threshold` is the least Jaccard index of a near one."""

    def __init__(self, threshold: float, questions: Iterable[tuple[str, str, str | None]]) -> None:
        """Take (name, text, gold) of each question."""
        self.threshold = threshold
        self._entries: list[_Entry] = []
        self._by_run: dict[tuple[str, ...], list[int]] = {}
        self._seen: set[_Entry] = set()
        for name, text, gold in questions:
            self.add(name, text, gold)
        self._form = frozenset(run for run, places in self._by_run.items() if len(places) >= COMMON)

    def add(self, name: str, text: str, gold: str | None = None) -> None:
        """Take one more question; what is the form of several was settled by the first ones."""
        words = words_of(text)
        entry = _Entry("", frozenset(runs_of(words)), numbers_of(words), _gold(gold))
        if entry not in self._seen:
            self._seen.add(entry)
            for run in entry.runs:
                self._by_run.setdefault(run, []).append(len(self._entries))
            self._entries.append(replace(entry, name=name))

    def near(self, text: str, gold: str | None = None) -> Near | None:
        """Return the nearest question of the index, None where none is near."""
        words, own = words_of(text), _gold(gold)
        runs, numbers = frozenset(runs_of(words)) - self._form, numbers_of(words)
        least = self.threshold if numbers else max(self.threshold, WITHOUT_NUMBERS)
        shared: Counter[int] = Counter()
        for run in runs:
            shared.update(self._by_run.get(run, ()))
        best: tuple[float, int] | None = None
        for place, both in shared.items():
            entry = self._entries[place]
            if not numbers and both < FEWEST and not self._form.isdisjoint(entry.runs):
                continue
            if entry.numbers == numbers and (not own or not entry.gold or own == entry.gold):
                jaccard = both / len(runs | (entry.runs - self._form))
                if jaccard >= least and (best is None or jaccard > best[0]):
                    best = (jaccard, place)
        if best is None:
            return None
        entry = self._entries[best[1]]
        return Near(name=entry.name, jaccard=best[0], shared=_longest(words, entry.runs))


def words_of(text: str) -> list[str]:
    """Return the words, numbers and signs of a text, blind to case, Unicode form and punctuation."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    found = (match[0] for match in _WORD.finditer(plain))
    return [word.replace(",", "") if word[0].isdigit() else word for word in found if word not in _MARKS]


def runs_of(words: list[str]) -> list[tuple[str, ...]]:
    """Return the runs of a list of words, each as often as it occurs."""
    if len(words) <= RUN:
        return [tuple(words)] if words else []
    return [tuple(words[start : start + RUN]) for start in range(len(words) - RUN + 1)]


def numbers_of(words: list[str]) -> tuple[str, ...]:
    """Return the numbers among words, sorted: an edit may turn a sentence around."""
    return tuple(sorted(word for word in words if word[0].isdigit()))


def _gold(gold: str | None) -> str:
    """Return a gold that can be told from others, "" for one that may be written in many ways."""
    words = words_of(gold or "")
    return " ".join(words) if len(words) <= MOST_GOLD else ""


def _longest(words: list[str], runs: frozenset[tuple[str, ...]]) -> str:
    """Return the longest stretch of words all of whose runs are among `runs`, of 12 words at most."""
    best: list[str] = []
    start = 0
    for place, run in enumerate(runs_of(words)):
        if run not in runs:
            start = place + 1
        elif place + len(run) - start > len(best):
            best = words[start : place + len(run)]
    return " ".join(best[:12])
