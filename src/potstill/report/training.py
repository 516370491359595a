"""How training went: losses, looks at rows set apart, and how many own answers were right as a student learnt."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from potstill.report import nodes
from potstill.report.facts import ReportFacts
from potstill.report.nodes import Cell, Column, Node, TableNode, Text

POINTS = 150
"""Points drawn of a loss curve; longer ones are averaged over equal stretches."""


def training(facts: ReportFacts) -> tuple[Node, ...]:
    """Return the curves of losses and rewards, what looks saw, and the settings that were found by rule."""
    trained = tuple(
        nodes.Series(student.name, colour, _thin([(float(tokens), loss) for _, tokens, loss in student.losses]))
        for colour, student in enumerate(facts.students)
        if student.losses
    )
    if not trained:
        return tuple(_rewards(facts))
    note = f"Mean loss of each optimiser step, averaged where there are more than {POINTS} steps."
    looked = tuple(
        nodes.Series(
            f"{student.name}, rows set apart",
            colour,
            _thin([(float(tokens), loss) for phase in student.looks for _, tokens, loss in phase.losses]),
            dotted=True,
        )
        for colour, student in enumerate(facts.students)
        if student.looks
    )
    lines = nodes.Lines(title="Training loss", x="tokens trained", y="loss", lines=(*trained, *looked), note=note)
    chosen = tuple(Text(f"{student.name}: {one}") for student in facts.students for one in student.chosen)
    return (lines, *_looks(facts), *_answers(facts), *chosen, *_rewards(facts))


def _rewards(facts: ReportFacts) -> Iterator[Node]:
    """Yield how many of its own answers were right as a student learnt from them."""
    lines = tuple(
        nodes.Series(student.name, colour, _thin([(float(tokens), share) for tokens, share in student.rewards]))
        for colour, student in enumerate(facts.students)
        if student.rewards
    )
    note = f"Of the training problems of each step, averaged where there are more than {POINTS} steps."
    if lines:
        title = "Share of its own answers that were right"
        yield nodes.Lines(title=title, x="tokens trained", y="share right", lines=lines, note=note)


def _answers(facts: ReportFacts) -> Iterator[TableNode]:
    """Yield how many answers to problems set apart were right at the looks."""
    rows = tuple(
        (
            student.name, *(f"{share:.1%} at step {step:,}" for step, _, share in (first, best, last)),
            ", ".join(f"{share:.0%}" for _, _, share in phase.accuracies),
        )
        for student in facts.students for phase in student.looks if phase.accuracies
        for seen in [phase.accuracies]
        for first, best, last in [(seen[0], max(seen, key=lambda look: look[2]), seen[-1])]
    )  # fmt: skip
    if rows:
        columns = (Column("student"), Column("first"), Column("best"), Column("last"), Column("at each look"))
        note = "Drawn at temperature 1, judged as held-out answers are; of training problems that are not trained on."
        yield TableNode("Accuracy on problems set apart", columns, rows, note)


def _looks(facts: ReportFacts) -> Iterator[TableNode]:
    """Yield what the looks of each phase of each arm saw."""
    rows: list[tuple[Cell, ...]] = []
    for student in facts.students:
        for phase in student.looks:
            best, last = min(phase.losses, key=lambda look: look[2]), phase.losses[-1]
            rows.append((
                student.name, phase.rows, len(phase.losses), f"{best[2]:.4f} at step {best[0]:,}",
                f"{last[2]:.4f} at step {last[0]:,}", f"{phase.kept:,} of {phase.steps:,}",
                "patience used up" if phase.stopped_early else "",
            ))  # fmt: skip
    if rows:
        columns = (
            Column("student"), Column("rows set apart", "count"), Column("looks", "count"), Column("lowest loss"),
            Column("last loss"), Column("weights kept, by step"), Column("ended"),
        )  # fmt: skip
        note = "Rows of training problems that are looked at and never trained on; held-out problems are others."
        yield TableNode("Loss on rows set apart", columns, tuple(rows), note)


def _thin(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    finite = [(x, y) for x, y in points if math.isfinite(y)]
    size = math.ceil(len(finite) / POINTS)
    parts = [finite[i : i + size] for i in range(0, len(finite), size)] if finite else []
    return tuple((part[-1][0], math.fsum(y for _, y in part) / len(part)) for part in parts)
