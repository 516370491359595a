"""The headline: one line an arm, paired tests between them, and the sentence that says what came out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from potstill.evaluate.metrics import TOLERATED, Summary, by_problem, compare, summarise
from potstill.evaluate.statistics import Paired
from potstill.records import UNSCORED, Measure, content_key
from potstill.report.display import chance, count, percent, points
from potstill.report.facts import StudentFacts
from potstill.report.nodes import Bar, Bars, Cell, Column, TableNode

SIGNIFICANT = 0.05
JUST_SHOWN = 0.0005
"""A smaller difference in share is 0.0 points."""
SHOWN = 3
"""Side-by-side problems of each sort."""


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """A student's row: its better prompt, what it scored there, and the other prompts' accuracies."""

    facts: StudentFacts
    prompt: str
    measures: Sequence[Measure]
    summary: Summary
    others: Mapping[str, float]

    @property
    def name(self) -> str:
        """The student's name."""
        return self.facts.name


def arm_result(facts: StudentFacts) -> ArmResult:
    """Return the row of a student under its better prompt (the first of equals).

    The choice is made on the held-out problems themselves, which favours a student that was asked in several ways:
    the untouched base.
    """
    prompts: dict[str, list[Measure]] = {}
    for measure in facts.measures:
        prompts.setdefault(measure.prompt, []).append(measure)
    if not prompts:
        return ArmResult(facts=facts, prompt="", measures=(), summary=summarise(()), others={})
    summaries = {prompt: summarise(measures) for prompt, measures in prompts.items()}
    best = max(summaries, key=lambda prompt: _order(summaries[prompt].accuracy.value))
    others = {prompt: summary.accuracy.value for prompt, summary in summaries.items() if prompt != best}
    return ArmResult(facts=facts, prompt=best, measures=prompts[best], summary=summaries[best], others=others)


def _main(arm_results: Sequence[ArmResult], main: str | None) -> ArmResult | None:
    return next((row for row in arm_results if row.name == main), None)


def rival(arm_results: Sequence[ArmResult], main: str | None) -> tuple[ArmResult, ArmResult] | None:
    """Return the arm `main` and the best of the other scored ones, None where either is missing."""
    found = _main(arm_results, main)
    others = [row for row in arm_results if row.name != main and row.summary.scored]
    if found is None or not found.summary.scored or not others:
        return None
    return found, max(others, key=lambda row: row.summary.accuracy.value)


def headline(arm_results: Sequence[ArmResult], main: str | None) -> str:
    """Return what came out for the arm `main` in plain sentences: interval, test, what could not be judged."""
    found = _main(arm_results, main)
    if found is None:
        return "No student was trained in this run."
    summary = found.summary
    who = "Trained on traces, the student" if found.name == "traces" else f"The student '{found.name}'"
    if not summary.scored:
        return f"{who} has no scored response."
    said = (
        f"{who} solves {percent(summary.accuracy.value)} of {count(summary.problems)} "
        f"held-out problems (95% interval {percent(summary.accuracy.low)} to {percent(summary.accuracy.high)})."
    )
    pair = rival(arm_results, main)
    if pair is not None:
        other = pair[1]
        test = compare(found.measures, other.measures)
        same = abs(test.difference) < JUST_SHOWN
        more = f"{points(abs(test.difference))[1:]} points {'more' if test.difference > 0 else 'fewer'} than"
        said += (
            f" That is {'no difference to' if same else more} '{other.name}', "
            f"the best of the other arms with {percent(other.summary.accuracy.value)} "
            f"(interval of the difference {points(test.low)} to {points(test.high)}; {chance(test.p)}, {test.test})."
        )
        if test.p >= SIGNIFICANT and not same:
            said += " A difference of this size can be chance."
    if summary.unscored:
        causes = [f"{cause}: {number}" for cause, number in summary.causes.items() if cause in UNSCORED]
        why = f" ({', '.join(causes)})" if causes else ""
        said += f" {count(summary.unscored)} of its {count(summary.responses)} responses could not be judged{why}."
        if summary.is_doubtful:
            said += f" Were they all wrong, it would solve {percent(summary.at_least)}."
    return said


def accuracy_bars(arm_results: Sequence[ArmResult]) -> Bars:
    """Return every student's accuracy with its interval."""
    drawn = [
        Bar(
            label=row.name,
            colour=colour,
            value=row.summary.accuracy.value,
            low=row.summary.accuracy.low,
            high=row.summary.accuracy.high,
        )
        for colour, row in enumerate(arm_results)
        if row.summary.scored
    ]
    return Bars(
        "Accuracy on held-out problems",
        tuple(drawn),
        "pass@1 with its 95% interval, clustered by problem.",
    )


def student_table(arm_results: Sequence[ArmResult]) -> TableNode:
    """Return the table of students."""
    doubtful = any(row.summary.is_doubtful for row in arm_results)
    columns = (
        Column("student"), Column("prompt"), Column("accuracy", "percent"), Column("low", "percent"),
        Column("high", "percent"), Column("problems", "count"), Column("unscored", "count"),
        *([Column("at least", "percent")] if doubtful else []), Column("unanswered", "percent"),
        Column("truncated", "percent"), Column("looped", "percent"),
        Column("tokens a response", "count"), Column("examples", "count"), Column("tokens trained", "count"),
        Column("training", "seconds"), Column("training TFLOP", "count"),
    )  # fmt: skip
    note = (
        "Accuracy is pass@1. Truncated, unreadable and ambiguous responses count as not solved. Unscored responses "
        "(gold unreadable or absent, checker out of time, infrastructure failed) enter no accuracy."
    )
    if doubtful:
        note += f" Where they are more than {percent(TOLERATED)}, 'at least' is the accuracy with all of them wrong."
    for row in arm_results:
        if row.others:
            tried = ", ".join(f"{prompt} {percent(value)}" for prompt, value in row.others.items())
            note += f" '{row.name}' is the better of its prompts; also tried: {tried}."
        if row.facts.dropped:
            lost = ", ".join(f"{reason}: {count(number)}" for reason, number in row.facts.dropped.items())
            note += f" The trainer left out rows of '{row.name}' ({lost})."
    return TableNode("Students", columns, tuple(_row(row, doubtful) for row in arm_results), note)


def paired_table(arm_results: Sequence[ArmResult], main: str | None) -> TableNode | None:
    """Return the tests of the arm `main` against every other on the problems scored for both."""
    found = _main(arm_results, main)
    others = [row for row in arm_results if row.name != main]
    if found is None or not others:
        return None
    columns = (
        Column("against"), Column("difference", "points"), Column("low", "points"), Column("high", "points"),
        Column("solved better", "count"), Column("solved worse", "count"), Column("problems", "count"),
        Column("p", "p"), Column("test"),
    )  # fmt: skip
    rows = tuple(_paired(row.name, compare(found.measures, row.measures)) for row in others)
    note = "Differences in percentage points, with 95% intervals; p is two-sided and not adjusted for several tests."
    return TableNode(f"'{main}' against each other arm, problem by problem", columns, rows, note)


def measures(arm_results: Sequence[ArmResult]) -> list[dict[str, str | int | float | None]]:
    """Return one object per student, as `report.json` carries them under `measures`."""
    return [
        {
            "student": row.name,
            "accuracy": _number(row.summary.accuracy.value),
            "low": row.summary.accuracy.low,
            "high": row.summary.accuracy.high,
            "problems": row.summary.problems,
            "tokens_trained": row.facts.tokens_trained,
            "flops": row.facts.flops,
            "seconds": row.facts.training_seconds,
            "evaluation_seconds": row.facts.evaluation_seconds,
            "examples": row.facts.examples,
            "responses": row.summary.responses,
            "unscored": row.summary.unscored,
            "at_least": _number(row.summary.at_least),
            "unanswered": row.summary.unanswered,
            "truncated": _number(row.summary.truncated_rate),
            "looped": _number(row.summary.looped_rate),
            "tokens_per_response": _number(row.summary.mean_tokens),
            "prompt": row.prompt,
        }
        for row in arm_results
    ]


def shown_problems(students: Sequence[StudentFacts], main: str | None) -> dict[str, str]:
    """Return the problems to show side by side, key -> why: up to `SHOWN` of each sort, picked by hash of the key.

    The sort is decided by every student's first scored sample, the one that is shown.
    """
    rows = [row for row in map(arm_result, students) if row.summary.scored]
    solved = {row.name: {key: found[0] for key, found in by_problem(row.measures).items()} for row in rows}
    if not solved:
        return {}
    common = set.intersection(*(set(found) for found in solved.values()))
    sorts: dict[tuple[bool, str], list[str]] = {}  # whether all agree, which is of less interest, and the sort
    for key in sorted(common, key=lambda key: content_key("shown", key)):
        outcomes = {name: found[key] for name, found in solved.items()}
        if len(set(outcomes.values())) == 1:
            sort = "every student right" if outcomes[rows[0].name] else "every student wrong"
        elif main in outcomes:
            alone = sum(outcomes.values()) == 1
            right = f"only {main} right" if alone else f"{main} right, another wrong"
            sort = right if outcomes[main] else f"{main} wrong, another right"
        else:
            sort = "the students differ"
        sorts.setdefault((len(set(outcomes.values())) == 1, sort), []).append(key)
    return {key: sort for agreed, sort in sorted(sorts) for key in sorts[agreed, sort][:SHOWN]}


def _row(row: ArmResult, doubtful: bool) -> tuple[Cell, ...]:
    summary, facts = row.summary, row.facts
    unanswered = summary.unanswered / summary.scored if summary.scored else math.nan
    trained: tuple[Cell, ...] = (None,) * 4
    if facts.tokens_trained:
        trained = (facts.examples, facts.tokens_trained, facts.training_seconds, facts.flops / 1e12)
    return (
        row.name, row.prompt, summary.accuracy.value, summary.accuracy.low, summary.accuracy.high, summary.problems,
        summary.unscored, *([summary.at_least if summary.is_doubtful else None] if doubtful else []), unanswered,
        summary.truncated_rate, summary.looped_rate, summary.mean_tokens,
        *trained,
    )  # fmt: skip


def _paired(name: str, test: Paired) -> tuple[Cell, ...]:
    return (
        name, test.difference, test.low, test.high, test.better, test.worse, test.problems, test.p, test.test,
    )  # fmt: skip


def _order(value: float) -> float:
    return -1.0 if math.isnan(value) else value


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
