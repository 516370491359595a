"""What the reward models of a run are worth: the first wrong step found, scores beside labels, and best-of-n."""

from __future__ import annotations

import math
from collections.abc import Sequence

from potstill.evaluate.best_of import best_of
from potstill.report.facts import ReportFacts, ScorerFacts
from potstill.report.nodes import Cell, Column, Node, TableNode
from potstill.report.students import ArmResult


def scorers(facts: ReportFacts, arm_results: Sequence[ArmResult]) -> tuple[Node, ...]:
    """Return the section: nothing where no scorer was trained."""
    found: list[Node] = []
    if facts.scorers:
        found += [_found(facts.scorers), _calibration(facts.scorers)]
    return (*found, *(table for row in arm_results if (table := _best(row)) is not None))


def _found(scorers: Sequence[ScorerFacts]) -> TableNode:
    columns = (
        Column("scorer"), Column("kind"), Column("labels by"), Column("solutions", "count"),
        Column("steps labelled", "percent"), Column("measured by"), Column("measured on", "count"),
        Column("F1", "percent"),
        Column("low", "percent"), Column("high", "percent"), Column("wrong step found", "percent"),
        Column("right ones passed", "percent"), Column("threshold"), Column("tuned F1", "percent"),
        Column("lowest score at the last step", "percent"),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for one in scorers:
        its, half = one.assessment, one.assessment["at_half"]
        tuned = its["tuned"]
        rows.append(
            (
                one.name,
                one.kind,
                one.by,
                one.solutions,
                one.labelled / one.steps if one.steps else math.nan,
                one.tested_by,
                its["solutions"],
                *(half["f1"][key] for key in ("value", "low", "high")),
                half["erroneous"]["value"],
                half["correct"]["value"],
                None if its["threshold"] is None else round(its["threshold"], 3),
                None if tuned is None else tuned["f1"]["value"],
                its["minima_last"],
            )
        )
    note = (
        "F1 as in ProcessBench, a step below 0.5 read as wrong: the harmonic mean of wrong solutions whose first wrong "
        "step is found and of right ones that pass. The threshold is tuned on half of the solutions, its F1 is of the "
        "other half."
    )
    return TableNode("Reward models on labels of problems that they were not trained on", columns, tuple(rows), note)


def _calibration(scorers: Sequence[ScorerFacts]) -> TableNode:
    columns = (
        Column("scorer"), Column("steps", "count"), Column("mean score", "percent"), Column("mean label", "percent"),
        Column("Brier", "percent"), Column("calibration error", "percent"),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for one in scorers:
        its = one.assessment
        rows += [(one.name, part["count"], part["score"], part["share"], None, None) for part in its["bins"]]
        rows.append((f"{one.name}: all", its["steps"], None, None, _short(its["brier"]), _short(its["error"])))
    note = "Steps by tenths of their score: a score that is a share of right ones has the mean label beside it."
    return TableNode("Scores of reward models beside labels", columns, tuple(rows), note)


def _best(row: ArmResult) -> TableNode | None:
    facts = row.facts
    if not facts.chosen_by:
        return None
    given = {
        (problem, sample): value for (prompt, problem, sample), value in facts.scores.items() if prompt == row.prompt
    }
    columns = (
        Column("n", "count"), Column("pass@n", "percent"), Column("majority@n", "percent"),
        Column("best-of-n", "percent"),
        Column("low", "percent"), Column("high", "percent"), Column("best minus majority", "points"),
        Column("from", "points"), Column("to", "points"), Column("p", "p"), Column("test"),
        Column("weighted vote", "percent"), Column("weighted minus majority", "points"),
        Column("weighted from", "points"), Column("weighted to", "points"), Column("weighted p", "p"),
    )  # fmt: skip
    rows = tuple(
        (
            one.n, one.passed.value, one.majority.value, one.best.value, one.best.low, one.best.high,
            one.difference.difference, one.difference.low, one.difference.high, one.difference.p, one.difference.test,
            one.weighted.value, one.weighted_difference.difference, one.weighted_difference.low,
            one.weighted_difference.high, one.weighted_difference.p,
        )
        for one in best_of(row.measures, given, facts.best_of)
    )  # fmt: skip
    note = (
        "The same responses, cut into blocks of n: the most frequent answer, the response of the highest score, and "
        "the answer with the highest sum of scores (weighted vote)."
    )
    return TableNode(f"Best of n of {row.name} by {facts.chosen_by}", columns, rows, note)


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
