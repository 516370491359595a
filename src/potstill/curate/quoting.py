"""Which traces quote a test: runs of words that a trace has from a test question, and its own question has not. Pure.

A question is quoted where at least a share of its words stand in the trace, in stretches that follow the question: runs
of `RUN` words, one after the other in both, and what is equal between them. So an edited copy is followed over what was
edited, and turns of phrase that stand here and there are no stretch. It is containment, not likeness: a trace is many
times longer than a question (Broder 1997). Runs that several questions share are their form and count for nothing; so
do those of the question that was asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from potstill.problems.near import words_of

RUN = 5
"""Words of a run."""
STRETCH = 7
"""Words of a stretch at least."""
FEWEST = 9
"""Words of a question that are met at least, or all that count of it: fewer may be met by chance."""
COMMON = 3
"""Questions that share a run from which it is their form."""
SHOWN = 16
"""Words that are shown of what was met."""
GAP = 12
"""Words between two runs of a stretch at most."""
SLACK = 3
"""Words that the text may have more or less between them than the question."""
_Run = tuple[str, ...]
_Place = tuple[int, int]
"""Number of a question, place in it; or place in a text, place in a question."""


class QuoteIndex:
    """Test questions to be met in traces; `share` is the least share of a question's words."""

    def __init__(self, share: float, questions: Iterable[tuple[str, str]]) -> None:
        """Take (name, text) of each question."""
        self.share = share
        named = [(name, words_of(text)) for name, text in questions]
        self._names, self._words = [name for name, _ in named], [words for _, words in named]
        runs = [_runs(words) for words in self._words]
        shared = Counter(run for each in runs for run in set(each))
        places: dict[_Run, list[_Place]] = {}
        self._counted: list[frozenset[int]] = []
        for number, each in enumerate(runs):
            own = {run: at for at, run in reversed(list(enumerate(each))) if shared[run] < COMMON}
            for run, at in own.items():
                places.setdefault(run, []).append((number, at))
            self._counted.append(
                frozenset(at + word for at, run in enumerate(each) if run in own for word in range(RUN))
            )
        self._by_run = {run: tuple(found) for run, found in places.items()}

    def quoted(self, text: str, asked: str) -> str:
        """Return what of which question a text quotes, "" where it quotes none."""
        words, by_run = words_of(text), self._by_run
        found = [(at, run) for at, run in enumerate(_runs(words)) if run in by_run]
        if not found:
            return ""
        own = set(_runs(words_of(asked)))
        met: dict[int, list[_Place]] = {}
        for at, run in found:
            for number, place in by_run[run] if run not in own else ():
                met.setdefault(number, []).append((at, place))
        best: tuple[float, int] | None = None
        for number in sorted(met):
            covered = len(self._counted[number] & _covered(met[number], words, self._words[number]))
            share = covered / len(self._counted[number])
            if (
                covered >= min(FEWEST, len(self._counted[number]))
                and share >= self.share
                and (best is None or share > best[0])
            ):
                best = (share, number)
        if best is None:
            return ""
        share, number = best
        return f"{share:.0%} of {self._names[number]}: '{_stretch(words, [at for at, _ in met[number]])}'"


def _runs(words: list[str]) -> list[_Run]:
    return list(zip(*(words[at:] for at in range(RUN)), strict=False))


def _covered(met: Sequence[_Place], words: Sequence[str], asked: Sequence[str]) -> set[int]:
    """Return which words of a question stand in a text that has its runs at these places (in the text, in itself)."""
    found: set[int] = set()
    stretch: set[int] = set()
    before, last = 0, len(asked)
    for at, place in met:
        if 0 < place - last <= RUN + GAP and abs((at - before) - (place - last)) <= SLACK:
            between = set(words[before + RUN : at])
            stretch.update(each for each in range(last + RUN, place) if asked[each] in between)
        else:
            found |= stretch if len(stretch) >= STRETCH else set()
            stretch = set()
        stretch.update(range(place, place + RUN))
        before, last = at, place
    return found | stretch if len(stretch) >= STRETCH else found


def _stretch(words: list[str], places: Sequence[int]) -> str:
    """Return the longest stretch of words that the runs at these places make, cut to what is shown."""
    first = last = start = end = places[0]
    for at in places:
        start = start if at <= end + RUN else at
        end = at
        if end - start > last - first:
            first, last = start, end
    return " ".join(words[first : min(last + RUN, first + SHOWN)])
