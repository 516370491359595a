"""How often reasonings check, give up, restate and try another way: whoever wrote them, counted the same way. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from potstill.intervals import Interval, wilson
from potstill.verify.behaviours import BEHAVIOURS, Behaviour, behaved


@dataclass(frozen=True, kw_only=True)
class BehaviourCounts:
    """What the `number` reasonings of `who` do: how many show a behaviour at all, how often it occurs, in `words`."""

    who: str
    number: int
    words: int
    having: Mapping[Behaviour, int]
    times: Mapping[Behaviour, int]

    def share(self, behaviour: Behaviour) -> Interval:
        """Return the share of reasonings that show it, with Wilson's 95% interval."""
        return wilson(self.having[behaviour] / self.number, self.number) if self.number else Interval(0.0, 0.0, 1.0)

    def rate(self, behaviour: Behaviour) -> float | None:
        """Return how often it occurs in 1,000 words, None of no words."""
        return 1000 * self.times[behaviour] / self.words if self.words else None


def behaviours_of(who: str, texts: Iterable[tuple[str, str, str]]) -> BehaviourCounts:
    """Count the behaviours of (question, reasoning, answer)s, in both detectors of `verify.behaviours` together."""
    having, times = dict.fromkeys(BEHAVIOURS, 0), dict.fromkeys(BEHAVIOURS, 0)
    number = words = 0
    for question, reasoning, answer in texts:
        found = behaved(question, reasoning, answer)
        number += 1
        words += found.words
        for name in BEHAVIOURS:
            having[name] += found.has(name)
            times[name] += found.count(name)
    return BehaviourCounts(who=who, number=number, words=words, having=having, times=times)
