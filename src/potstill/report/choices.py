"""Which way of solving students chose where no instruction tells them: beside what their teacher was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from potstill.intervals import wilson
from potstill.report.display import label
from potstill.report.nodes import Cell, Column, TableNode


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What one response comes to. `assigned` are the ways that its kind was taught by, `chosen` the one it goes.

    `wording` says whether each sentence of its template occurs in training, empty where that is not known; `outcome` is
    its verdict.
    """

    kind: str
    wording: str
    assigned: tuple[str, ...]
    chosen: str
    outcome: str

    @property
    def as_assigned(self) -> bool:
        """Whether it goes a way that its kind was taught by."""
        return self.chosen in self.assigned


@dataclass(frozen=True, kw_only=True)
class ChoiceFacts:
    """How many responses of a student came to what, and by wording how often a guess from words was (right, wrong)."""

    counts: Mapping[Choice, int]
    guessed: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def choice_tables(students: Mapping[str, Sequence[ChoiceFacts]]) -> tuple[TableNode, ...]:
    """Return how often each student chose as it was taught, and what it chose; of several seeds all together."""
    together = {name: _together(facts) for name, facts in students.items() if facts}
    if not together:
        return ()
    tables = [_confusion(name, counts) for name, (counts, _) in together.items() if len(_ways(counts)) > 1]
    return (_selection(together), *tables)


def _together(facts: Sequence[ChoiceFacts]) -> tuple[Counter[Choice], Counter[tuple[str, bool]]]:
    counts: Counter[Choice] = Counter()
    guessed: Counter[tuple[str, bool]] = Counter()
    for one in facts:
        counts.update(one.counts)
        for wording, (right, wrong) in one.guessed.items():
            guessed.update({(wording, True): right, (wording, False): wrong})
    return counts, guessed


def _ways(counts: Mapping[Choice, int]) -> set[tuple[str, ...]]:
    return {choice.assigned for choice in counts}


def _selection(students: Mapping[str, tuple[Counter[Choice], Counter[tuple[str, bool]]]]) -> TableNode:
    columns = (
        Column("student"), Column("wording"), Column("responses", "count"), Column("chose as taught", "percent"),
        Column("low", "percent"), Column("high", "percent"), Column("most frequent way", "percent"),
        Column("solved", "percent"), Column("solved, as taught", "percent"), Column("solved, otherwise", "percent"),
    )  # fmt: skip
    rows = [row for name, (counts, guessed) in students.items() for row in _rows(name, counts, guessed)]
    note = (
        "Chose as taught: the response is built as the way that the teacher of its kind of problem was asked for, with "
        "Wilson's 95% interval; read from what it states, calculates and rules out. Most frequent way: what always "
        "choosing that one would come to. Guess by words: naive Bayes over the words of the problem alone."
    )
    return TableNode("Which way students chose", columns, tuple(rows), note)


def _rows(name: str, counts: Counter[Choice], guessed: Counter[tuple[str, bool]]) -> Iterator[tuple[Cell, ...]]:
    for wording in sorted({choice.wording for choice in counts}):
        own = {choice: number for choice, number in counts.items() if choice.wording == wording}
        taught = {choice: number for choice, number in own.items() if choice.as_assigned}
        otherwise = {choice: number for choice, number in own.items() if not choice.as_assigned}
        responses = sum(own.values())
        share = wilson(sum(taught.values()) / responses, responses)
        frequent = Counter[tuple[str, ...]]()
        for choice, number in own.items():
            frequent[choice.assigned] += number
        yield (
            label(name), wording, responses, share.value, share.low, share.high, max(frequent.values()) / responses,
            _solved(own), _solved(taught), _solved(otherwise),
        )  # fmt: skip
        if len(frequent) > 1 and (judged := guessed[wording, True] + guessed[wording, False]):
            found = wilson(guessed[wording, True] / judged, judged)
            told = f"guess by words, as {name} was taught"
            yield label(told), wording, judged, found.value, found.low, found.high, None, None, None, None


def _solved(counts: Mapping[Choice, int]) -> float | None:
    """Return the share of right ones among right and wrong."""
    right, wrong = (sum(n for choice, n in counts.items() if choice.outcome == one) for one in ("right", "wrong"))
    return right / (right + wrong) if right + wrong else None


def _confusion(name: str, counts: Mapping[Choice, int]) -> TableNode:
    """Return kind and way taught against way chosen, in responses."""
    table: dict[tuple[str, str], Counter[str]] = {}
    for choice, number in counts.items():
        table.setdefault((choice.kind, " or ".join(choice.assigned)), Counter())[choice.chosen] += number
    seen = {choice.chosen for choice in counts}
    taught = [way for choice in sorted(counts, key=lambda one: one.kind) for way in choice.assigned if way in seen]
    ways = [*dict.fromkeys(taught), *sorted(seen - set(taught))]
    columns = (Column("kind"), Column("taught"), *(Column(f"chose {label(way)}", "count") for way in ways))
    rows: list[tuple[Cell, ...]] = [
        (label(kind or "(none)"), label(assigned), *(chosen[way] for way in ways))
        for (kind, assigned), chosen in sorted(table.items())
    ]
    return TableNode(f"Ways that '{label(name)}' chose", columns, tuple(rows), "In responses to held-out problems.")
