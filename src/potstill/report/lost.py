"""What was lost: general problems that the students were not trained for, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from potstill.evaluate.metrics import compare, summarise
from potstill.report.display import count, label, points
from potstill.report.facts import AlsoFacts
from potstill.report.nodes import Cell, Column, DifferenceSpan, Forest, Node, TableNode, Text

UNMEASURED = (
    "Nothing was measured beside the held-out problems, so what the students forgot is not known. "
    "`evaluate: {also: [{name: general, sources: [...]}]}` in the recipe measures every arm on other problems too."
)


def lost(facts: Sequence[AlsoFacts], trained: bool) -> tuple[Node, ...]:
    """Return sentence, drawing and table for each set of other problems; how to measure any where there is none."""
    if not facts:
        return (Text(UNMEASURED),) if trained else ()
    return tuple(_nodes(facts))


def _nodes(facts: Sequence[AlsoFacts]) -> Iterator[Node]:
    for name in dict.fromkeys(one.problems for one in facts):
        of = {one.student: one for one in facts if one.problems == name}
        tests = {
            one.student: compare(one.measures, of[one.base].measures)
            for one in of.values() if one.base in of and one.base != one.student
        }  # fmt: skip
        bases = [summarise(one.measures) for student, one in of.items() if student == one.base]
        if bases and all(found.scored and found.accuracy.value == 0 for found in bases):
            yield Text(f"On '{label(name)}' nothing can be lost: the untouched student solves none of them.")
        else:
            within = {student: (test.low, test.high) for student, test in tests.items() if test.problems}
            yield Text(_said(name, within))
        spans = tuple(
            DifferenceSpan(label=f"{student} - {of[student].base}", value=test.difference, low=test.low, high=test.high)
            for student, test in tests.items() if test.problems
        )  # fmt: skip
        if spans:
            yield Forest(
                f"Against the untouched base on '{label(name)}'", spans, "Percentage points, with 95% intervals."
            )
        columns = (
            Column("student"), Column("accuracy", "percent"), Column("low", "percent"), Column("high", "percent"),
            Column("problems", "count"), Column("unscored", "count"), Column("unanswered", "percent"),
            Column("truncated", "percent"), Column("to base", "points"), Column("from", "points"),
            Column("to", "points"), Column("lost", "count"), Column("won", "count"),
        )  # fmt: skip
        rows: list[tuple[Cell, ...]] = []
        for student, one in of.items():
            found, test = summarise(one.measures), tests.get(student)
            against: tuple[Cell, ...] = (None,) * 5
            if test is not None and test.problems:
                against = (test.difference, test.low, test.high, test.worse, test.better)
            unanswered = found.unanswered / found.scored if found.scored else None
            rows.append((
                student, found.accuracy.value, found.accuracy.low, found.accuracy.high, found.problems, found.unscored,
                unanswered, found.truncated_rate, *against,
            ))  # fmt: skip
        note = (
            "The same questions, limits and checks for every arm, zero-shot. To base: problem by problem, with 95% "
            "intervals. Lost: problems that the base solves better; won: those that the student does."
        )
        yield TableNode(f"Other problems: {label(name)}", columns, tuple(rows), note)


def _said(name: str, intervals: dict[str, tuple[float, float]]) -> str:
    """Return in a sentence for each arm whether it lost, and how much it may have."""
    if not intervals:
        return f"On '{label(name)}' no trained student can be compared with an untouched one."
    worse = [student for student, (_, high) in intervals.items() if high < 0]
    told = [
        f"'{student}' {'lost' if student in worse else 'is not seen to have lost'} "
        f"({points(low)} to {points(high)} points)"
        for student, (low, high) in intervals.items()
    ]
    return f"On '{label(name)}': {'; '.join(told)}. {count(len(worse))} of {count(len(told))} lost."
