"""Training and evaluation, divided by content and never overlapping.

The stream of problems is read twice: once for 64-bit keys alone (about 50 bytes a row, and a dictionary entry for each
distinct problem), once to hand out the problems; and twice more where edited copies are looked for. Two different
questions share a 64-bit key with a chance of about 1e-8 among 800,000.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Literal

from potstill.errors import DataError, RecipeError
from potstill.problems.near import NearIndex
from potstill.records import Drop, Problem, Reason, content_key

Use = Literal["both", "train", "evaluate"]
Side = Literal["train", "evaluate"]
Stream = Callable[[], Iterable[tuple[Problem, Use]]]

_PLACES: tuple[Side | Reason, ...] = (
    "train", "evaluate", Reason.DUPLICATE, Reason.CONFLICT, Reason.OVERLAP, Reason.BEYOND,
    Reason.NEAR,
)  # fmt: skip
_CODE: dict[Side | Reason, int] = {place: code for code, place in enumerate(_PLACES)}
_USES: tuple[Use, ...] = ("evaluate", "both", "train")
_NO_GOLD = 0
_SHOWN = 60


@dataclass(frozen=True, kw_only=True)
class Division:
    """Where each problem of a stream went.

    `counts` has one number for each side and each reason of a drop; together they are all rows. `template_share` is
    the share of evaluation problems whose number-free template occurs in training, among those that have a template;
    None where none has. `judged` of the evaluation problems have something to judge an answer by.
    """

    counts: dict[Side | Reason, int]
    template_share: float | None
    judged: int
    _stream: Stream = field(repr=False)
    _places: bytes = field(repr=False)
    _keys: array[int] = field(repr=False)
    _met: Mapping[int, str] = field(repr=False)
    """Row of an edited copy -> what it meets."""

    def rows(self) -> Iterator[tuple[Problem, Side] | Drop]:
        """Read the stream again: for each row of it, in its order, the problem with its side, or what was dropped.

        Raises DataError if the sources changed since they were divided.
        """
        number = 0
        for number, (problem, _) in enumerate(self._stream(), 1):
            if number > len(self._places) or _short(problem.key) != self._keys[number - 1]:
                raise DataError(f"the sources of problems changed while they were read (row {number}); run again")
            place = _PLACES[self._places[number - 1]]
            if not isinstance(place, Reason):
                yield problem, place
            else:
                yield Drop("problem", problem.key, place, _detail(problem, place, self._met.get(number - 1, "")))
        if number < len(self._places):
            raise DataError(f"the sources of problems changed while they were read (row {number + 1}); run again")


@dataclass(frozen=True, kw_only=True)
class Leaks:
    """What training problems are kept apart from, beside being no held-out problem: see `problems.near`.

    `threshold` is the least Jaccard index of an edited copy, `against` further problems that are tests of somebody's.
    """

    threshold: float
    against: Callable[[], Iterable[Problem]] = tuple


def split(
    stream: Stream, *, seed: int, evaluate: int, train: int | None, leaks: Leaks | None = None
) -> Division:  # fmt: skip
    """Divide the problems of `stream`, which must give the same rows each time it is called.

    Problems of use `evaluate` are held out whole. Of those of use `both`, `evaluate` are held out: those that have
    something to judge an answer by before the others, from each source its share, and there those with the smallest
    hash of seed and question, so that the order of rows changes nothing. The rest trains, at most `train` problems,
    again by smallest hash. Every other row is dropped:

    - `duplicate`: question, choices and answer kind of an earlier row of the same pool (`evaluate`, or the others);
      the first row with a gold stays, one of use `both` before one of use `train`;
    - `conflicting gold`: the same, but with another gold than the row that stays (whose may be the wrong one);
    - `overlap with evaluation`: a held-out question, up to case, spacing, punctuation and Unicode form;
    - `edited copy of a test`: nearly a held-out question or one of `leaks.against`, with the same numbers and gold;
    - `over the wished number`.

    Raises RecipeError where nothing is held out, where the sources hold too few problems, or none is left to train on.
    """
    rows = _RowKeys(stream(), seed)
    if not any(use != _USES.index("train") for use in rows.uses):
        raise RecipeError("no evaluation split: every source has `use: train`; give one `use: evaluate` or `use: both`")
    places = bytearray(b"\xff" * len(rows.keys))
    held = rows.distinct([n for n in range(len(rows.keys)) if rows.uses[n] == 0], places)
    other = rows.distinct([n for n in range(len(rows.keys)) if rows.uses[n] != 0], places)
    overlaps = {rows.overlaps[n] for n in held}
    chosen = _choose(rows, [n for n in other if rows.uses[n] == 1 and rows.overlaps[n] not in overlaps], evaluate)
    overlaps.update(rows.overlaps[n] for n in chosen)
    for n in (*held, *chosen):
        places[n] = _CODE["evaluate"]
    free = []
    for n in other:
        if rows.overlaps[n] in overlaps:
            places[n] = places[n] if places[n] == _CODE["evaluate"] else _CODE[Reason.OVERLAP]
        else:
            free.append(n)
    if not free:
        raise RecipeError(
            f"no problems are left to train on: of {len(rows.keys):,} rows {len(held) + len(chosen):,} are held out "
            "and the others repeat them; hold out fewer (problems.evaluate) or add a source"
        )
    met = _edited(stream, free, places, leaks) if leaks is not None else {}
    for n in met:
        places[n] = _CODE[Reason.NEAR]
    free = [n for n in free if n not in met]
    if not free:
        raise RecipeError("problems.near: each training problem is an edited copy of a test: add a source")
    free.sort(key=rows.order)
    for n in free[:train]:
        places[n] = _CODE["train"]
    for n in free[len(free) if train is None else train :]:
        places[n] = _CODE[Reason.BEYOND]
    counts = Counter(places)
    return Division(
        counts={place: counts[code] for place, code in _CODE.items()},
        template_share=_template_share(rows, [*held, *chosen], free[:train]),
        judged=sum(rows.judged[n] for n in (*held, *chosen)),
        _stream=stream,
        _places=bytes(places),
        _keys=rows.keys,
        _met=met,
    )


def _edited(stream: Stream, free: Iterable[int], places: bytearray, leaks: Leaks) -> dict[int, str]:
    """Return row -> what it meets, for each of `free` that is an edited copy of a test.

    Problems of generators are left out: they know their templates, and differ in numbers alone.
    """
    held = _CODE["evaluate"]
    tests = [(problem, "held-out") for n, (problem, _) in enumerate(stream()) if places[n] == held]
    tests += [(problem, "") for problem in leaks.against()]
    questions = (
        (" ".join(filter(None, (what, problem.id, "of", problem.source))), problem.statement, problem.gold)
        for problem, what in tests if not _is_generated(problem)
    )  # fmt: skip
    index = NearIndex(leaks.threshold, questions)
    wanted, found = set(free), {}
    for n, (problem, _) in enumerate(stream()):
        if n in wanted and not _is_generated(problem):
            near = index.near(problem.statement, problem.gold)
            if near is not None:
                found[n] = str(near)
    return found


def _is_generated(problem: Problem) -> bool:
    return problem.template != "" or problem.checker.startswith("reasoning_gym:")


class _RowKeys:
    """The keys of all rows, in arrays; rows are named by their number from 0."""

    def __init__(self, stream: Iterable[tuple[Problem, Use]], seed: int) -> None:
        self.keys, self.overlaps, self.ranks = array("Q"), array("Q"), array("Q")
        self.golds, self.templates, self.sources = array("Q"), array("Q"), array("L")
        self.uses, self.judged = bytearray(), bytearray()
        names: dict[str, int] = {}
        for problem, use in stream:
            overlap = problem.overlap_key
            self.keys.append(_short(problem.key))
            self.overlaps.append(_short(overlap))
            self.ranks.append(_short(content_key(seed, overlap)))
            self.golds.append(_NO_GOLD if problem.gold is None else _short(content_key(_plain(problem.gold))))
            self.templates.append(_short(content_key(problem.template)) if problem.template else 0)
            self.sources.append(names.setdefault(problem.source, len(names)))
            self.uses.append(_USES.index(use))
            self.judged.append(problem.has_check)

    def order(self, row: int) -> tuple[int, int]:
        """Order of choice: by the hash of seed and question, near copies by their own key."""
        return self.ranks[row], self.keys[row]

    def distinct(self, pool: list[int], places: bytearray) -> list[int]:
        """Return one row for each key of the pool; mark the others as duplicates or conflicts."""
        kept: dict[int, int] = {}
        for row in pool:
            best = kept.setdefault(self.keys[row], row)
            if self._worth(row) < self._worth(best):
                kept[self.keys[row]] = row
        for row in pool:
            best = kept[self.keys[row]]
            if best != row:
                golds = {self.golds[row], self.golds[best], _NO_GOLD}
                places[row] = _CODE[Reason.CONFLICT if len(golds) == 3 else Reason.DUPLICATE]
        return list(kept.values())

    def _worth(self, row: int) -> tuple[int, bool, int]:
        return self.uses[row], self.golds[row] == _NO_GOLD, row


def _choose(rows: _RowKeys, pool: list[int], wished: int) -> list[int]:
    """Return `wished` rows, those that can be judged before the others, from each source in proportion."""
    if not any(use == 1 for use in rows.uses):
        return []
    first: dict[int, int] = {}
    for row in pool:  # of near copies only one may be held out
        best = first.setdefault(rows.overlaps[row], row)
        if (not rows.judged[row], rows.keys[row]) < (not rows.judged[best], rows.keys[best]):
            first[rows.overlaps[row]] = row
    if len(first) < wished:
        raise RecipeError(
            f"problems.evaluate asks for {wished:,} held-out problems, but the sources with `use: both` hold only "
            f"{len(first):,} different questions; ask for fewer or add problems"
        )
    judged = [row for row in first.values() if rows.judged[row]]
    others = [row for row in first.values() if not rows.judged[row]]
    return [*_shares(rows, judged, min(wished, len(judged))), *_shares(rows, others, max(0, wished - len(judged)))]


def _shares(rows: _RowKeys, pool: list[int], wished: int) -> list[int]:
    """Return `wished` rows of the pool, from each source in proportion to its rows there (largest remainders)."""
    by_source: dict[int, list[int]] = {}
    for row in pool:
        by_source.setdefault(rows.sources[row], []).append(row)
    quotas = _quotas({source: len(found) for source, found in by_source.items()}, wished)
    return [row for source, found in by_source.items() for row in sorted(found, key=rows.order)[: quotas[source]]]


def _quotas(sizes: dict[int, int], wished: int) -> dict[int, int]:
    """Return whole shares of `wished` in proportion to `sizes`, none above its size."""
    total = sum(sizes.values()) or 1
    quotas = {source: wished * size // total for source, size in sizes.items()}
    by_remainder = sorted(sizes, key=lambda source: (-(wished * sizes[source] % total), source))
    for source in by_remainder[: wished - sum(quotas.values())]:
        quotas[source] += 1
    return quotas


def _template_share(rows: _RowKeys, evaluation: list[int], training: list[int]) -> float | None:
    known = {rows.templates[row] for row in training}
    asked = [rows.templates[row] for row in evaluation if rows.templates[row]]
    return sum(template in known for template in asked) / len(asked) if asked else None


def _short(key: str) -> int:
    """Return the first 64 bits of a content key, never 0."""
    return int(key[:16], 16) or 1


def _plain(gold: str) -> str:
    """Return a gold in a form in which 1,000 and 1000.0 are the same; finer comparison is the verifier's."""
    text = " ".join(gold.split()).casefold()
    try:
        exact = Context(prec=max(28, len(text)))  # 28 digits alone would round a longer gold
        return str(Decimal(text.replace(",", "").removeprefix("$")).normalize(exact))
    except ArithmeticError:  # no number, or one like 1e9999999 that Decimal cannot hold
        return text


def _detail(problem: Problem, place: Reason, met: str) -> str:
    told = f"{problem.id} of {problem.source or 'an unnamed source'}"
    if place is Reason.CONFLICT:
        return f"{told}: its gold {(problem.gold or '')[:_SHOWN]!r} is not that of the same question kept"
    if met:
        return f"{told}: {met}"
    return told
