"""The one reduce of curation: from the short rows of all traces to which stay, and where each stands. Pure.

Nothing in it depends on the order of the rows: of equal texts the one of the lowest sample stays, of a problem's traces
the most different ones, and the order of training is one of hashes.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from potstill.curate.diversity import most_diverse
from potstill.curate.seen import Looked, Looker
from potstill.records import Drop, Reason

DROPPED = -1
"""In place of a place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """A trace that passed every filter, by its number in the stream; `characters` is the length of its text."""

    ordinal: int
    key: str
    problem_key: str
    order: str
    content: bytes
    characters: int
    tier: int
    sample: int
    attempt: int
    sketch: bytes

    @property
    def precedence(self) -> tuple[int, int, str]:
        """Of traces with the same text the lowest stays."""
        return self.sample, self.attempt, self.key


@dataclass(kw_only=True)
class Decision:
    """What a reduce says: `places` has for each trace its place in training order, or `DROPPED`.

    `late` are the traces that passed the filters and are dropped all the same, with the reason; `beyond` those of them
    that go behind all others. `sizes` are the characters of the kept ones, in training order.
    """

    places: array[int]
    late: dict[int, str] = field(default_factory=dict)
    beyond: list[Passed] = field(default_factory=list)
    kept: list[Passed] = field(default_factory=list)
    limit: int

    @property
    def sizes(self) -> list[int]:
        """Characters of each kept trace, in training order."""
        return [item.characters for item in self.kept]

    def drops(self, rows: Iterable[Looked]) -> Iterator[Drop]:
        """Yield every drop: of filters and copies in the order of the rows, which are those decided on, then others."""
        for ordinal, row in enumerate(rows):
            if row.reason:
                yield row.drop
            elif (reason := self.late.get(ordinal)) is not None:
                yield Drop("trace", row.key, reason, row.detail)
        for item in self.beyond:
            yield Drop("trace", item.key, f"beyond {self.limit} per problem")


def decide(rows: Iterable[Looked], looker: Looker) -> Decision:
    """Return what becomes of each of the rows, which are held as numbers and hashes: some 400 bytes one that passed."""
    decision = Decision(places=array("q"), limit=looker.settings.per_problem)
    passed = distinct(_noted(rows, decision.places), decision.late)
    _choose(passed, decision)
    rank = _rank(looker)
    decision.kept = sorted(
        passed.values(), key=lambda item: (rank(item.problem_key), item.order, item.content, item.ordinal)
    )  # fmt: skip
    for place, item in enumerate(decision.kept):
        decision.places[item.ordinal] = place
    return decision


def _noted(rows: Iterable[Looked], places: array[int]) -> Iterator[Looked]:
    for row in rows:
        places.append(DROPPED)
        yield row


def distinct(rows: Iterable[Looked], late: dict[int, str]) -> dict[int, Passed]:
    """Return those that passed the filters, one of each text, by their number; the copies are noted in `late`."""
    passed: dict[int, Passed] = {}
    first: dict[bytes, Passed] = {}
    names: dict[str, str] = {}
    for ordinal, row in enumerate(rows):
        if row.reason:
            continue
        item = Passed(
            ordinal=ordinal, key=row.key, problem_key=names.setdefault(row.problem_key, row.problem_key),
            order=row.order, content=bytes.fromhex(row.content), characters=row.characters, tier=row.tier,
            sample=row.sample, attempt=row.attempt, sketch=row.sketch,
        )  # fmt: skip
        other = first.setdefault(item.content, item)
        if other is not item:
            item, other = sorted((item, other), key=lambda one: (one.precedence, one.ordinal))
            first[item.content] = item
            passed.pop(other.ordinal, None)
            late[other.ordinal] = Reason.SAME
        passed[item.ordinal] = item
    return dict(sorted(passed.items())) if late else passed


def _choose(passed: dict[int, Passed], decision: Decision) -> None:
    """Leave at most `limit` traces of each problem."""
    counts = Counter(item.problem_key for item in passed.values())
    crowded: dict[str, list[Passed]] = {}
    for item in passed.values():
        if counts[item.problem_key] > decision.limit:
            crowded.setdefault(item.problem_key, []).append(item)
    for group in sorted(crowded.values(), key=lambda group: group[-1].ordinal):
        candidates = [(item.tier, item.key + item.content.hex(), array("I", item.sketch)) for item in group]
        kept = set(most_diverse(candidates, decision.limit))
        for index, item in enumerate(group):
            if index not in kept:
                del passed[item.ordinal]
                decision.beyond.append(item)


def _rank(looker: Looker) -> Callable[[str], float]:
    """Return what orders problems before the seed does."""
    if looker.settings.order != "easy_to_hard":
        return lambda problem_key: 0.0

    def rank(problem_key: str) -> float:
        difficulty = looker.difficulty(problem_key)
        return float("inf") if difficulty is None else difficulty

    return rank
