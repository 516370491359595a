"""Checks over all samples of one problem: how hard it is, what most of them answer, and whether its gold can stand.

Self-consistency (arXiv:2203.11171) with the equality of verdicts in place of equal spelling. A finding is a record and
nothing more: no gold answer is replaced here.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from potstill.intervals import Interval, wilson
from potstill.recipe import Policy
from potstill.records import Outcome, Problem, Trace, Verdict
from potstill.verify.amounts import EXPLICIT
from potstill.verify.answers import judge_answer
from potstill.verify.extract import extract
from potstill.verify.judged import SHOWN
from potstill.verify.kinds import read_gold

AT_LEAST = 3
"""Samples that must agree before their answer stands for a gold, or against one."""
MOST_SPELLINGS = 64
"""Different spellings that are compared with each other; rarer ones agree with nobody."""
Finding = Literal["agrees", "disagrees", "gold in doubt", "pseudo-gold", "undecided"]
_STATED = (*EXPLICIT, "stated answer")


@dataclass(frozen=True, slots=True)
class Group:
    """What the samples of one problem say together.

    `majority` is the answer that most of the `samples` give (those that ended by themselves), as it is written most
    often, `votes` how many do, `agreeing` their trace keys. Of answers with equally many votes the one whose first
    sample comes first is taken, and the group is `tied`. `finding` is

    - `agrees`: the majority is the gold;
    - `disagrees`: it is not, and nothing speaks against the gold: some sample gives it, or too few agree;
    - `gold in doubt`: no sample gives the gold, and more than half of them, and enough, agree on something else;
    - `pseudo-gold`: there is no gold, and more than half of the samples, and enough, agree;
    - `undecided`: anything else: no answers, no majority without a gold, or a gold that cannot be compared.
    """

    problem_key: str
    gold: str | None
    majority: str | None
    votes: int
    samples: int
    tied: bool
    finding: Finding
    agreeing: tuple[str, ...] = ()

    @property
    def agreement(self) -> float:
        """Share of the samples that give the majority answer."""
        return self.votes / self.samples if self.samples else 0.0


@dataclass(slots=True)
class _Class:
    """Answers that are the same: the places of their samples, their spellings, and the verdict they share."""

    places: list[int]
    spellings: Counter[str]
    outcome: Outcome


def difficulty_of(verdicts: Iterable[Verdict]) -> Interval:
    """Return one minus the pass rate, 0 (always right) to 1 (never), with Wilson's interval; unknown ones not counted.

    Without any right or wrong verdict the value is not a number and the interval is everything. Where sampling stopped
    at the first right ones, the rate is a little too kind (Haldane 1945); the interval shows how little is known.
    """
    outcomes = Counter(verdict.outcome for verdict in verdicts)
    judged = outcomes["right"] + outcomes["wrong"]
    return wilson(outcomes["wrong"] / judged if judged else 0.0, judged)


def self_consistency(
    problem: Problem, samples: Sequence[tuple[Trace, Verdict]], policy: Policy, *, seconds: float,
    at_least: int = AT_LEAST,
) -> Group:  # fmt: skip
    """Return what the samples of a problem say together; `seconds` bound one symbolic comparison.

    Truncated, refused and failed samples have no vote; one without a final answer counts and agrees with nobody. Two
    answers are the same where either, taken for the gold, makes the other right; classes that meet are one. Programs
    have no common answer.
    """
    counted = [(trace, verdict) for trace, verdict in samples if trace.finish == "stop"]
    classes = _classes(problem, counted, policy, seconds)
    if not classes:
        return Group(problem.key, problem.gold, None, 0, len(counted), False, "undecided")
    ranked = sorted(classes, key=lambda found: (-len(found.places), found.places[0]))
    first = ranked[0]
    votes = len(first.places)
    tied = len(ranked) > 1 and len(ranked[1].places) == votes
    enough = votes >= at_least and 2 * votes > len(counted)
    given = any(verdict.outcome == "right" for _, verdict in samples)
    majority = max(first.spellings, key=lambda spelling: first.spellings[spelling])
    return Group(
        problem.key, problem.gold, majority, votes, len(counted), tied,
        _finding(problem, first.outcome, enough=enough, given=given),
        tuple(counted[place][0].key for place in first.places),
    )  # fmt: skip


def _finding(problem: Problem, outcome: Outcome, *, enough: bool, given: bool) -> Finding:
    if not problem.has_check:
        return "pseudo-gold" if enough else "undecided"
    if outcome == "right":
        return "agrees"
    if outcome == "unknown":
        return "undecided"
    return "gold in doubt" if enough and not given else "disagrees"


def _classes(
    problem: Problem, samples: Sequence[tuple[Trace, Verdict]], policy: Policy, seconds: float
) -> list[_Class]:
    """Return the samples with an answer in classes of equal answers."""
    spelled: dict[str, _Class] = {}
    right: _Class | None = None
    for place, (trace, verdict) in enumerate(samples):
        answer = _answer(problem, trace, verdict)
        if answer is None:
            continue
        found = spelled.setdefault(answer, _Class([], Counter(), "unknown"))
        _join(found, _Class([place], Counter([answer]), verdict.outcome))
    classes: list[_Class] = []
    for found in spelled.values():
        if found.outcome == "right" and right is not None:
            _join(right, found)  # what is the gold is the same
        else:
            classes.append(found)
            right = found if found.outcome == "right" else right
    compared = sorted(classes, key=lambda found: (-len(found.places), found.places[0]))[:MOST_SPELLINGS]
    texts = {id(found): next(iter(found.spellings)) for found in compared}
    merged = {id(found): found for found in classes}
    for one, other in itertools.combinations(compared, 2):
        a, b = merged[id(one)], merged[id(other)]
        if a is not b and _same(problem, texts[id(one)], texts[id(other)], policy, seconds):
            _join(a, b)
            for key, held in merged.items():
                merged[key] = a if held is b else held
    return list({id(found): found for found in merged.values()}.values())


def _join(found: _Class, other: _Class) -> None:
    found.places = sorted(found.places + other.places)
    found.spellings += other.spellings
    for outcome in ("right", "wrong"):
        if outcome in (found.outcome, other.outcome):
            found.outcome = outcome
            return


def _answer(problem: Problem, trace: Trace, verdict: Verdict) -> str | None:
    """Return a sample's final answer as it is written, or None where none is found."""
    if problem.answer_kind == "code":
        return None
    if verdict.outcome != "unknown" and verdict.extracted and len(verdict.extracted) < SHOWN:
        return verdict.extracted.strip()
    kind = problem.answer_kind
    if problem.gold is not None:
        kind = read_gold(problem.gold, kind, problem.choices).kind
    for wanted in (kind, "text"):
        found = extract(trace.answer, wanted, problem.choices)
        if found.value is not None and not found.ambiguous and (wanted == kind or found.method in _STATED):
            return found.value.strip()
    return None


def _same(problem: Problem, one: str, other: str, policy: Policy, seconds: float) -> bool:
    # A number without a gold to read it from may be anything: let each answer say what it is.
    kind = "auto" if problem.gold is None and problem.answer_kind == "number" else problem.answer_kind
    return any(
        judge_answer(a, b, kind, problem.choices, policy, seconds=seconds).outcome == "right"
        for a, b in ((one, other), (other, one))
    )
