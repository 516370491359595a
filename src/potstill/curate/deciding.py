"""The one reduce of curation: from the short rows of all traces to which stay, and where each stands. Pure.

Nothing in it depends on the order of the rows: of equal texts the one of the lowest sample stays, of a problem's traces
the most different ones, and the order of training is one of hashes.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from potstill.curate.diversity import in_turns, most_diverse
from potstill.curate.nearness import Shingles, near_copies
from potstill.curate.seen import NO_PORTION, Looked, Looker
from potstill.recipe import Curate
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
    bands: bytes
    tokens: int
    portion: int
    hinted: bool = False
    kind: str = ""
    preference: float = 0.0

    @property
    def precedence(self) -> tuple[int, int, str]:
        """Of traces with the same text the lowest stays."""
        return self.sample, self.attempt, self.key


@dataclass(kw_only=True)
class Decision:
    """What a reduce says: `places` has for each trace its place in training order, or `DROPPED`.

    `late` are the traces that passed the filters and are dropped all the same, with reason and detail; `beyond` those
    of them that go behind all others. `sizes` are the characters of the kept ones, in training order.
    """

    places: array[int]
    late: dict[int, tuple[str, str]] = field(default_factory=dict)
    beyond: list[Passed] = field(default_factory=list)
    kept: list[Passed] = field(default_factory=list)
    limit: int

    @property
    def sizes(self) -> list[int]:
        """Characters of each kept trace, in training order."""
        return [item.characters for item in self.kept]

    def drops(self, rows: Iterable[Looked]) -> Iterator[Drop]:
        """Yield every drop: of filters and copies in the order of the rows, which are those decided on, then others."""
        return (drop for drop, _ in self.weighed(rows))

    def weighed(self, rows: Iterable[Looked]) -> Iterator[tuple[Drop, int]]:
        """Yield every drop with the tokens of its trace."""
        for ordinal, row in enumerate(rows):
            if row.reason:
                yield row.drop, row.tokens
            elif (why := self.late.get(ordinal)) is not None:
                yield Drop("trace", row.key, why[0], why[1] or row.detail), row.tokens
        for item in self.beyond:
            yield Drop("trace", item.key, f"beyond {self.limit} per problem"), item.tokens


def decide(rows: Iterable[Looked], looker: Looker, runs_of: Shingles) -> Decision:
    """Return what becomes of each of the rows, which are held as numbers and hashes: some 400 bytes one that passed.

    `runs_of` reads the texts that may be near copies again, and is not called where nobody looks for any.
    """
    decision = Decision(places=array("q"), limit=looker.settings.per_problem)
    passed = distinct(_noted(rows, decision.places), decision.late)
    if looker.settings.near is not None:
        _leave_copies(passed, looker.settings.near, runs_of, decision)
    _choose(passed, decision)
    _mix(passed, looker.settings, decision)
    _cap_hinted(passed, decision, looker.hinted_at_most)
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


def distinct(rows: Iterable[Looked], late: dict[int, tuple[str, str]]) -> dict[int, Passed]:
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
            bands=row.bands, tokens=row.tokens, portion=row.portion, hinted=row.hinted, kind=row.kind,
            preference=row.preference,
        )  # fmt: skip
        other = first.setdefault(item.content, item)
        if other is not item:
            item, other = sorted((item, other), key=lambda one: (one.precedence, one.ordinal))
            first[item.content] = item
            passed.pop(other.ordinal, None)
            late[other.ordinal] = (Reason.SAME, "")
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
        kinds = [item.kind for item in group]
        chosen = in_turns(candidates, kinds, decision.limit) if any(kinds) else most_diverse(candidates, decision.limit)
        kept = set(chosen)
        if len({item.preference for item in group}) > 1:
            best = sorted(range(len(group)), key=lambda at: (group[at].tier, group[at].preference, group[at].key))
            kept = set(best[: decision.limit])
        for index, item in enumerate(group):
            if index not in kept:
                del passed[item.ordinal]
                decision.beyond.append(item)


def _leave_copies(passed: dict[int, Passed], least: float, runs_of: Shingles, decision: Decision) -> None:
    """Leave of near copies the right ones first, then those that the seed puts first."""
    ordered = sorted(passed.values(), key=lambda item: (item.tier, item.order, item.content))
    copies = near_copies(((item.ordinal, array("Q", item.bands)) for item in ordered), least, runs_of)
    keys = {other: passed[other].key for other, _ in copies.values()}
    for ordinal, (other, index) in copies.items():
        del passed[ordinal]
        decision.late[ordinal] = (Reason.NEARLY, f"{index:.0%} of the runs of {keys[other]}")


def _mix(passed: dict[int, Passed], settings: Curate, decision: Decision) -> None:
    """Leave of each part of the mix its share of the tokens, drawn by the seed, and of all as many as wished."""
    if not settings.mix and settings.tokens is None:
        return
    parts: dict[int, list[Passed]] = {number: [] for number in range(max(1, len(settings.mix)))}
    for item in list(passed.values()):
        if item.portion == NO_PORTION:
            del passed[item.ordinal]
            decision.late[item.ordinal] = (Reason.NO_PORTION, "")
        else:
            parts[item.portion].append(item)
    shares = [portion.share for portion in settings.mix] or [1.0]
    shares = [share / sum(shares) for share in shares]
    there = [sum(item.tokens for item in parts[number]) for number in range(len(shares))]
    largest = min(tokens / share for tokens, share in zip(there, shares, strict=True))
    whole = largest if settings.tokens is None else min(largest, settings.tokens) if settings.mix else settings.tokens
    over = Reason.OVER_MIX if settings.mix and whole == largest else Reason.OVER_TOKENS
    for number, share in enumerate(shares):
        held = 0
        for item in sorted(parts[number], key=lambda item: (item.preference, item.order, item.content)):
            # The trace that reaches the share is in, so that each part has all of it, also when it is cut once more.
            if held >= whole * share * (1 - 1e-9):
                del passed[item.ordinal]
                decision.late[item.ordinal] = (over, "")
            held += item.tokens


def _cap_hinted(passed: dict[int, Passed], decision: Decision, share: float) -> None:
    """Leave at most `share` of the examples with an answer that was told; which ones hangs on the seed."""
    told = sorted((item for item in passed.values() if item.hinted), key=lambda item: (item.order, item.content))
    others = len(passed) - len(told)
    most = len(told) if share >= 1 else int(others * share / (1 - share) + 1e-9)
    for item in told[most:]:
        del passed[item.ordinal]
        decision.late[item.ordinal] = (Reason.SHARE, "")


def _rank(looker: Looker) -> Callable[[str], float]:
    """Return what orders problems before the seed does."""
    if looker.settings.order != "easy_to_hard":
        return lambda problem_key: 0.0

    def rank(problem_key: str) -> float:
        difficulty = looker.difficulty(problem_key)
        return float("inf") if difficulty is None else difficulty

    return rank
