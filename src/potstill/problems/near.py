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
_WORD = re.compile(r"(?<!\S)[()\[\]{}<>](?: [()\[\]{}<>])+(?!\S)|\d+(?:\.\d+)*|[^\W\d_]+|[^\w\s]")
"""`( [ <`, `1200.50`, `coins`, `%`. Brackets written one by one are what a text is about, and together are one word:
as marks they would leave two such texts alike."""
_MARKS = frozenset(".,;:!?'\"()[]{}$\\*_`“”‘’")
"""Marks that copies drop or add."""
_THOUSANDS = re.compile(r",(?<=\d,)(?=\d)")
"""`,` of `1,200`; the comma stands first, so that the search runs from comma to comma."""
_STYLE = re.compile(
    r"\\(?:(?:(?:text|math)(?:rm|bf|it|tt|sf|up|normal)?|mbox|emph|left|right|displaystyle|operatorname|q?quad"
    r"|[bB]igg?[lr]?)(?![a-z])|[dt](?=frac(?![a-z])))"
)
"""`\\text`, `\\left`, the `\\d` of `\\dfrac`: how a text is set, not what it says."""
_TAG = re.compile(r"</?(?:b|i|u|p|em|strong|br|div|span|code|sub|sup|h[1-6])\s?/?>")
"""`<b>`, `</p>`, `<br/>`. Both patterns begin with one sign, so that the search runs from sign to sign."""
_NUMERALS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
    "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90,
}  # fmt: skip
"""Not `one`, which is a pronoun as often."""
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
LONGEST = 20
"""Digits of a number that is multiplied by a word: `3 hundred`."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    name: str = ""
    runs: frozenset[tuple[str, ...]]
    numbers: tuple[str, ...]
    """As they are written in digits."""
    values: tuple[str, ...]
    """In digits and in words."""
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
        entry = _entry(words_of(text), gold)
        if entry not in self._seen:
            self._seen.add(entry)
            for run in entry.runs:
                self._by_run.setdefault(run, []).append(len(self._entries))
            self._entries.append(replace(entry, name=name))

    def near(self, text: str, gold: str | None = None) -> Near | None:
        """Return the nearest question of the index, None where none is near."""
        words = words_of(text)
        own = _entry(words, gold)
        runs = own.runs - self._form
        shared: Counter[int] = Counter()
        for run in runs:
            shared.update(self._by_run.get(run, ()))
        best: tuple[float, int] | None = None
        for place, both in shared.items():
            entry = self._entries[place]
            if (entry.numbers != own.numbers and entry.values != own.values) or (
                own.gold and entry.gold and own.gold != entry.gold
            ):
                continue
            counted = own.numbers or (own.values and entry.values == own.values)
            if not counted and both < FEWEST and not self._form.isdisjoint(entry.runs):
                continue
            jaccard = both / len(runs | (entry.runs - self._form))
            least = self.threshold if counted else max(self.threshold, WITHOUT_NUMBERS)
            if jaccard >= least and (best is None or jaccard > best[0]):
                best = (jaccard, place)
        if best is None:
            return None
        entry = self._entries[best[1]]
        return Near(name=entry.name, jaccard=best[0], shared=_longest(in_digits(words), entry.runs))


def _entry(words: list[str], gold: str | None) -> _Entry:
    in_one_form = in_digits(words)
    return _Entry(
        runs=frozenset(runs_of(in_one_form)), numbers=numbers_of(words), values=numbers_of(in_one_form),
        gold=_gold(gold),
    )  # fmt: skip


def words_of(text: str) -> list[str]:
    """Return the words, numbers and signs of a text, blind to case, Unicode form, punctuation and how it is set."""
    plain = _THOUSANDS.sub("", unicodedata.normalize("NFKC", text).casefold().replace("{,}", ","))
    plain = _TAG.sub(" ", _STYLE.sub(" ", plain))
    return [word for word in _WORD.findall(plain) if word not in _MARKS]


def runs_of(words: list[str]) -> list[tuple[str, ...]]:
    """Return the runs of a list of words, each as often as it occurs."""
    if len(words) <= RUN:
        return [tuple(words)] if words else []
    return [tuple(words[start : start + RUN]) for start in range(len(words) - RUN + 1)]


def numbers_of(words: list[str]) -> tuple[str, ...]:
    """Return the numbers among words, sorted: an edit may turn a sentence around."""
    return tuple(sorted(word for word in words if word[0].isdigit()))


def in_digits(words: list[str]) -> list[str]:
    """Return words with numbers in one form: `twenty - five` is `25`, `two hundred` is `200`, `5.50` is `5.5`."""
    found: list[str] = []
    tens = -1  # where in `found` tens stand that a digit in words may follow: twenty-five
    for word in words:
        value = _NUMERALS.get(word, 0)
        digit = 1 if word == "one" else value
        if 0 < digit < 10 and tens >= 0 and found[tens + 1 :] in ([], ["-"]):
            found[tens:] = [str(int(found[tens]) + digit)]
        elif word in _SCALES and found and found[-1].isdecimal() and len(found[-1]) < LONGEST:
            found[-1] = str(int(found[-1]) * _SCALES[word])
        elif value:
            found.append(str(value))
            tens = len(found) - 1 if value >= 20 else -1
            continue
        else:
            found.append(word.rstrip("0").rstrip(".") if "." in word and word[0].isdigit() else word)
            continue
        tens = -1
    return found


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
