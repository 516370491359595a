"""What the samples of each problem said together: how often the teacher was right, and which golds can stand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from potstill.records import GoldFinding, Group
from potstill.report.display import label
from potstill.report.facts import SetFacts
from potstill.report.nodes import Cell, Column, Node, TableNode

RATES = ("never", "up to a quarter", "up to a half", "up to three quarters", "more often", "always")
FINDINGS: dict[GoldFinding, str] = {
    GoldFinding.AGREES: "the gold is what most samples say",
    GoldFinding.DISAGREES: "most samples say something else, and the gold stands",
    GoldFinding.SUSPECT: "no sample gives the gold, and most agree on something else",
    GoldFinding.PSEUDO: "there is no gold, and most samples agree",
    GoldFinding.UNDECIDED: "the samples settle nothing",
}
SUSPECT = {
    "keep": "left as it is",
    "drop": "the problem is dropped",
    "repair": "judged by the answer of most samples",
}
REASONS = 10
"""Reasons of outages that are told apart."""


def samples(facts: SetFacts) -> tuple[Node, ...]:
    """Return the tables on samples; none where no problem was sampled."""
    if not facts.groups:
        return ()
    rates = _rates(facts.groups)
    return (rates, _findings(facts)) if any(group.voters > 1 for group in facts.groups) else (rates,)


def opinions(facts: SetFacts) -> tuple[Node, ...]:
    """Return how far a judge and the rules agree, on the answers that it was asked about."""
    if not facts.opinions:
        return ()
    told = sorted(facts.opinions.items())
    rows: list[tuple[Cell, ...]] = [(rules, said or "nothing in its form", n) for (rules, said), n in told]
    both = {pair: n for pair, n in facts.opinions.items() if set(pair) <= {"right", "wrong"}}
    total, same = sum(both.values()), sum(n for (rules, said), n in both.items() if rules == said)
    agreed = f"they agree on {same:,} of {total:,} ({same / total:.1%})" if total else "which is nowhere"
    note = (
        f"Where both decided, {agreed}. Words that differ from the gold's are wrong by the rules, and the judge's word "
        "counts; where the rules can read what it quotes and say otherwise, the answer stays unknown."
    )
    columns = (Column("rules"), Column("judge"), Column("answers", "count"))
    return (TableNode("Rules and judge", columns, tuple(rows), note),)


def outages(facts: SetFacts) -> tuple[Node, ...]:
    """Return what could not be judged because a request, a judge or another part failed, by reason."""
    if not facts.outages:
        return ()
    told = sorted(facts.outages.items(), key=lambda item: (-item[1], item[0]))
    rows: list[tuple[Cell, ...]] = [(label(reason, 160), number) for reason, number in told[:REASONS]]
    if told[REASONS:]:
        rows.append(("other reasons", sum(number for _, number in told[REASONS:])))
    note = (
        "Such traces are unknown and never counted as wrong. Run the stage `traces` or `verdicts` with --redo to "
        "ask for these alone."
    )
    return (TableNode("Left open by an outage", (Column("reason"), Column("traces", "count")), tuple(rows), note),)


def _rates(groups: Sequence[Group]) -> TableNode:
    """How many problems the teacher solved how often, with the mean bounds of their 95% intervals."""
    kinds: dict[str, list[Group]] = {name: [] for name in RATES}
    for group in groups:
        if group.pass_rate is not None:
            kinds[_rate(group.pass_rate)].append(group)
    rows: list[tuple[Cell, ...]] = [
        (name, len(found), len(found) / len(groups), _mean([g.low for g in found]), _mean([g.high for g in found]))
        for name, found in kinds.items()
    ]
    judged = [group for found in kinds.values() for group in found]
    if unjudged := len(groups) - len(judged):
        rows.append(("no sample judged", unjudged, unjudged / len(groups), math.nan, math.nan))
    total = sum(group.samples for group in groups)
    note = (
        f"Problems by the share of their samples that are right ({total:,} samples in all; unknown ones not counted). "
        "The difficulty of a problem is one minus that share. Low and high are means of the problems' own 95% "
        "intervals (Wilson): they say how little a few samples tell of one problem."
    )
    columns = (
        Column("right"), Column("problems", "count"), Column("share", "percent"), Column("low", "percent"),
        Column("high", "percent"),
    )  # fmt: skip
    return TableNode("How often the teacher was right, by problem", columns, tuple(rows), note)


def _rate(share: float) -> str:
    return RATES[0] if share == 0 else RATES[-1] if share == 1 else RATES[min(4, math.ceil(share * 4))]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _findings(facts: SetFacts) -> TableNode:
    counts: Counter[GoldFinding] = Counter(group.finding for group in facts.groups)
    adopted = Counter(group.finding for group in facts.groups if group.gold_source == "majority")
    rows: list[tuple[Cell, ...]] = []
    for finding, meaning in FINDINGS.items():
        if counts[finding]:
            share = counts[finding] / len(facts.groups)
            rows.append((finding, counts[finding], share, _then(finding, facts, adopted), meaning))
    columns = (
        Column("finding"), Column("problems", "count"), Column("share", "percent"), Column("what follows"),
        Column("meaning"),
    )  # fmt: skip
    return TableNode("What most samples of a problem say", columns, tuple(rows))


def _then(finding: GoldFinding, facts: SetFacts, adopted: Counter[GoldFinding]) -> str:
    if finding is GoldFinding.SUSPECT:
        return SUSPECT[facts.suspect_label]
    if finding is GoldFinding.PSEUDO:
        return "judged by the answer of most samples" if adopted[finding] else "not judged"
    return ""
