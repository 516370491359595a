"""What `potstill compare` finds: students of several runs on the problems that they share, and what more would show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from potstill.evaluate.metrics import Summary, compare, shares, summarise
from potstill.evaluate.statistics import Paired, needed, shown_by
from potstill.records import Measure
from potstill.report.display import chance, count, points, visible
from potstill.report.html import page
from potstill.report.nodes import Bar, Bars, Cell, Column, DifferenceSpan, Forest, Node, Section, TableNode, Text, plain
from potstill.report.terminal import table_text

SCHEMA = 1
TOLD = 3
"""Comparisons that the top of the page tells in sentences."""
SOUGHT = (0.01, 0.02, 0.05, 0.1)
"""Differences in share solved for which the page says how many problems would show them."""


@dataclass(frozen=True, kw_only=True)
class StudentToCompare:
    """A student by a name of its own, and all its measures under one prompt."""

    name: str
    measures: Sequence[Measure]


@dataclass(frozen=True, kw_only=True)
class StudentPair:
    """`one` against `other`, the first that was named: one minus other on the problems that both were scored on."""

    one: str
    other: str
    test: Paired
    needed: tuple[int, ...]
    shown: float

    @property
    def sentence(self) -> str:
        """The difference in words, with what the problems at hand could have shown."""
        test = self.test
        if not test.problems:
            return f"'{self.one}' and '{self.other}' share no scored problem: nothing can be said of them."
        interval = f"95% interval {points(test.low)} to {points(test.high)} points, {chance(test.p)}"
        if test.low <= 0 <= test.high:
            return (
                f"Between '{self.one}' and '{self.other}' no difference was shown ({interval}); {count(test.problems)} "
                f"problems show one of {100 * self.shown:.1f} points or more four times in five."
            )
        more = "more" if test.difference > 0 else "less"
        return f"'{self.one}' solves {100 * abs(test.difference):.1f} points {more} than '{self.other}' ({interval})."


@dataclass(frozen=True)
class StudentComparison:
    """The students, each against the first; one tree, three renderings."""

    facts: tuple[StudentToCompare, ...]

    @cached_property
    def summaries(self) -> tuple[Summary, ...]:
        """Each student's figures on its own problems."""
        return tuple(summarise(one.measures) for one in self.facts)

    @cached_property
    def pairs(self) -> tuple[StudentPair, ...]:
        """Each further student against the first."""
        first, *others = self.facts
        return tuple(_pair(one, first) for one in others)

    @property
    def headline(self) -> str:
        """The comparisons in sentences."""
        return " ".join(pair.sentence for pair in self.pairs[:TOLD])

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Tables and drawings."""
        drawn = tuple(
            Bar(label=one.name, colour=colour, value=its.accuracy.value, low=its.accuracy.low, high=its.accuracy.high)
            for colour, (one, its) in enumerate(zip(self.facts, self.summaries, strict=True)) if its.problems
        )  # fmt: skip
        spans = tuple(
            DifferenceSpan(
                label=f"{pair.one} - {pair.other}", value=pair.test.difference, low=pair.test.low, high=pair.test.high
            )
            for pair in self.pairs if pair.test.problems
        )  # fmt: skip
        differences: list[Node] = [self.difference_table]
        if spans:
            differences.append(Forest("Differences in accuracy, in points", spans, "With 95% intervals."))
        differences.append(self.power_table)
        own = (self.student_table, Bars("Accuracy", drawn, "Each on its own problems, with its 95% interval."))
        said = tuple(Text(pair.sentence) for pair in self.pairs[TOLD:])  # the first ones stand at the top
        return (Section("Students", own), Section("Differences", (*said, *differences)))

    @property
    def student_table(self) -> TableNode:
        """A row a student."""
        columns = (
            Column("student"), Column("accuracy", "percent"), Column("low", "percent"), Column("high", "percent"),
            Column("problems", "count"), Column("responses", "count"), Column("unscored", "count"),
            Column("truncated", "percent"), Column("tokens a response", "count"),
        )  # fmt: skip
        rows = tuple(
            (one.name, its.accuracy.value, its.accuracy.low, its.accuracy.high, its.problems, its.responses,
             its.unscored, its.truncated_rate, its.mean_tokens)
            for one, its in zip(self.facts, self.summaries, strict=True)
        )  # fmt: skip
        return TableNode("Students", columns, rows)

    @property
    def difference_table(self) -> TableNode:
        """A row a pair."""
        columns = (
            Column("student"), Column("against"), Column("problems", "count"), Column("difference", "points"),
            Column("from", "points"), Column("to", "points"), Column("p", "p"), Column("better", "count"),
            Column("worse", "count"),
        )  # fmt: skip
        rows: list[tuple[Cell, ...]] = []
        for pair in self.pairs:
            its = pair.test
            figures = (its.difference, its.low, its.high, its.p) if its.problems else (None, None, None, None)
            rows.append((pair.one, pair.other, its.problems, *figures, its.better, its.worse))
        note = "Problem by problem, on those that both were scored on; differences are in percentage points."
        return TableNode("Differences", columns, tuple(rows), note)

    @property
    def power_table(self) -> TableNode:
        """How many problems would show a difference, a row a pair."""
        columns = (
            Column("student"), Column("against"), Column("problems", "count"), Column("show", "points"),
            *(Column(f"for {100 * sought:g} point{'s' if sought > 0.01 else ''}", "count") for sought in SOUGHT),
        )  # fmt: skip
        rows: tuple[tuple[Cell, ...], ...] = tuple(
            (pair.one, pair.other, pair.test.problems, pair.shown, *pair.needed) for pair in self.pairs
            if pair.test.problems
        )  # fmt: skip
        note = (
            "`show`: the least true difference that these problems show at the 5% level four times in five; then how "
            "many problems it would take for others, by how much the two differ from problem to problem."
        )
        return TableNode("What these problems can show", columns, rows, note)

    def html(self) -> str:
        """Return one self-contained page without scripts."""
        return page(", ".join(one.name for one in self.facts), self.headline, self.sections, "comparison")

    def json(self) -> str:
        """Return the same nodes as JSON text."""
        whole = {"schema": SCHEMA, "headline": visible(self.headline, 4_000), "sections": plain(self.sections)}
        return json.dumps(whole, ensure_ascii=True, allow_nan=False, indent=1)

    def text(self) -> str:
        """Return tables, a drawing and sentences for a terminal."""
        tables = [table_text(table) for table in (self.student_table, self.difference_table, self.power_table)]
        return "\n\n".join([*tables, _drawn(self.pairs), "\n".join(pair.sentence for pair in self.pairs)])


def _pair(one: StudentToCompare, other: StudentToCompare) -> StudentPair:
    test = compare(one.measures, other.measures)
    left, right = shares(one.measures), shares(other.measures)
    differences = [left[key] - right[key] for key in sorted(left.keys() & right.keys())]
    return StudentPair(
        one=one.name, other=other.name, test=test, needed=tuple(needed(differences, sought) for sought in SOUGHT),
        shown=shown_by(differences),
    )  # fmt: skip


WIDTH = 61
"""Characters of a drawing in the terminal; the middle one is no difference."""


def _drawn(pairs: Sequence[StudentPair]) -> str:
    """Return intervals of differences as lines of characters around 0."""
    found = [pair for pair in pairs if pair.test.problems]
    reach = max((max(abs(pair.test.low), abs(pair.test.high)) for pair in found), default=0.0) or 1.0
    lines = []
    for pair in found:
        low, value, high = (_column(each, reach) for each in (pair.test.low, pair.test.difference, pair.test.high))
        line = ["-" if low <= place <= high else " " for place in range(WIDTH)]
        line[WIDTH // 2] = "|"
        line[value] = "o"
        lines.append(f"{''.join(line)}  {visible(pair.one, 40)}")
    ends = f"{-100 * reach:+.0f}", f"{100 * reach:+.0f} points"
    return "\n".join([*lines, f"{ends[0]}{' ' * (WIDTH // 2 - len(ends[0]))}0{' ' * (WIDTH // 2 - 3)}{ends[1]}"])


def _column(value: float, reach: float) -> int:
    return round((value / reach + 1) / 2 * (WIDTH - 1))
