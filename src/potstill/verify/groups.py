"""Checks over all samples of one problem: how hard it is, what most of them answer, and whether its gold can stand.

Self-consistency (arXiv:2203.11171) with the equality of verdicts in place of equal spelling. A finding is a record;
whether a majority takes the place of a gold is for the recipe to say, and `adopts` answers it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from potstill.intervals import wilson
from potstill.recipe import Checks
from potstill.records import Cause, Finish, GoldFinding, GoldSource, Group, Outcome, Problem, Trace, Verdict
from potstill.verify.answers import judge_answer
from potstill.verify.extract import extract
from potstill.verify.found import MAX_ANSWER
from potstill.verify.judged import SHOWN, Judged
from potstill.verify.kinds import read_gold
from potstill.verify.parts import PARTS
from potstill.verify.statement import EXPLICIT, FoundIn

MOST_SPELLINGS = 64
"""Different spellings that are compared with each other; rarer ones agree with nobody."""
_STATED = (*EXPLICIT, FoundIn.STATED)
_OPEN: tuple[Cause, ...] = ("infrastructure", "timeout")
"""Causes of unknown that may pass: such a sample may yet turn out to give the gold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedSample:
    """What of a judged trace counts among the samples of its problem.

    `answer` is its final answer as it is written, None where none is found or the sample has no vote.
    """

    problem_key: str
    trace_key: str
    finish: Finish
    outcome: Outcome
    cause: Cause
    reason: str
    answer: str | None


def sample_of(problem: Problem, trace: Trace, verdict: Verdict) -> JudgedSample:
    """Return what of a trace of a problem counts."""
    return JudgedSample(
        problem_key=trace.problem_key, trace_key=verdict.trace_key, finish=trace.finish, outcome=verdict.outcome,
        cause=verdict.cause, reason=verdict.reason,
        answer=_answer(problem, trace, verdict) if trace.finish == "stop" else None,
    )  # fmt: skip


@dataclass(slots=True)
class _Class:
    """Answers that are the same: the places of their samples, their spellings, and the verdict they share."""

    places: list[int]
    spellings: Counter[str]
    outcome: Outcome


def groups_of(
    samples: Iterable[JudgedSample], problems: Mapping[str, Problem], counts: Mapping[str, int], checks: Checks
) -> Iterator[Group]:
    """Yield a group for each of the `problems` when the last of its samples has come by; other samples are passed over.

    `counts` has the number of samples by problem key; held in memory are those of unfinished problems alone.
    """
    waiting: dict[str, list[JudgedSample]] = {}
    for sample in samples:
        key = sample.problem_key
        if key in problems:
            held = waiting.setdefault(key, [])
            held.append(sample)
            if len(held) == counts[key]:
                yield grouped(problems[key], waiting.pop(key), checks)


def group_of(problem: Problem, judged: Iterable[tuple[Trace, Verdict]], checks: Checks) -> Group:
    """Return what the judged traces of a problem say together, see `grouped`."""
    return grouped(problem, [sample_of(problem, trace, verdict) for trace, verdict in judged], checks)


def grouped(problem: Problem, samples: Sequence[JudgedSample], checks: Checks) -> Group:
    """Return what the samples of a problem say together; `checks.seconds` bound one symbolic comparison.

    Truncated, refused and failed samples have no vote; one without a final answer counts and agrees with nobody. Two
    answers are the same where either, taken for the gold, makes the other right; classes that meet are one. Programs
    have no common answer.
    """
    voters = [sample for sample in samples if sample.finish == "stop"]
    ranked = sorted(_classes(problem, voters, checks), key=lambda found: (-len(found.places), found.places[0]))
    votes = len(ranked[0].places) if ranked else 0
    group = Group(
        problem_key=problem.key, samples=len(samples), right=0, wrong=0, unknown=0, pass_rate=None, low=0.0, high=1.0,
        gold=problem.gold, gold_source=_source(problem),
        majority=max(ranked[0].spellings, key=lambda text: ranked[0].spellings[text]) if ranked else None,
        votes=votes, voters=len(voters), agreement=votes / len(voters) if voters else 0.0,
        tied=len(ranked) > 1 and len(ranked[1].places) == votes,
        finding=_finding(problem, voters, ranked[0], checks.agreeing) if ranked else GoldFinding.UNDECIDED,
        agreeing=tuple(voters[place].trace_key for place in ranked[0].places) if ranked else (),
    )  # fmt: skip
    return _counted(group, Counter(sample.outcome for sample in samples))


def adopts(group: Group, checks: Checks) -> bool:
    """Return whether the recipe lets the majority stand for the gold of this problem."""
    if group.finding == GoldFinding.PSEUDO:
        return checks.self_consistency
    return group.finding == GoldFinding.SUSPECT and checks.suspect_label == "repair"


def under_majority(problem: Problem, group: Group) -> Problem:
    """Return the problem with the majority for its gold."""
    return replace(problem, gold=group.majority, answer_kind=_kind(problem))


def adopted(group: Group, outcomes: Counter[Outcome]) -> Group:
    """Return a group whose samples were judged again, by their own majority, with these outcomes."""
    return replace(_counted(group, outcomes), gold_source="majority")


def _counted(group: Group, outcomes: Counter[Outcome]) -> Group:
    right, wrong = outcomes["right"], outcomes["wrong"]
    rate = wilson(right / (right + wrong) if right + wrong else 0.0, right + wrong)
    return replace(
        group, right=right, wrong=wrong, unknown=outcomes["unknown"], pass_rate=rate.value if right + wrong else None,
        low=rate.low, high=rate.high,
    )  # fmt: skip


def _source(problem: Problem) -> GoldSource:
    if problem.checker:
        return "checker"
    if problem.answer_kind == "code":
        return "tests"
    return "none" if problem.gold is None else "given"


def _finding(problem: Problem, voters: Sequence[JudgedSample], majority: _Class, at_least: int) -> GoldFinding:
    votes = len(majority.places)
    enough = votes >= at_least and 2 * votes > len(voters)
    if not problem.has_check:
        return GoldFinding.PSEUDO if enough else GoldFinding.UNDECIDED
    if majority.outcome == "right":
        return GoldFinding.AGREES
    if majority.outcome == "unknown":
        return GoldFinding.UNDECIDED
    given = any(sample.outcome == "right" or sample.cause in _OPEN for sample in voters)
    return GoldFinding.SUSPECT if enough and not given and not problem.checker else GoldFinding.DISAGREES


def _classes(problem: Problem, samples: Sequence[JudgedSample], checks: Checks) -> list[_Class]:
    """Return the samples with an answer in classes of equal answers."""
    spelled: dict[str, _Class] = {}
    right: _Class | None = None
    for place, sample in enumerate(samples):
        answer = sample.answer
        if answer is None:
            continue
        found = spelled.setdefault(answer, _Class([], Counter(), "unknown"))
        _join(found, _Class([place], Counter([answer]), sample.outcome))
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
    costly: set[str] = set()
    for one, other in itertools.combinations(compared, 2):
        a, b = merged[id(one)], merged[id(other)]
        pair = texts[id(one)], texts[id(other)]
        if a is b or costly.intersection(pair):
            continue
        said = list(_compared(problem, pair, checks))
        if any(judged.cause == "timeout" for judged in said):
            costly.add(max(pair, key=len))  # else one monstrous answer would cost as often as there are others
        if said[-1].outcome == "right":
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
    if kind == PARTS:  # an undecided one: without a gold nothing says what its parts are called
        return None
    if problem.gold is not None:
        kind = read_gold(problem.gold, kind, problem.choices).kind
    for wanted in (kind, "text"):
        found = extract(trace.answer, wanted, problem.choices)
        if found.value is not None and not found.ambiguous and (wanted == kind or found.method in _STATED):
            return found.value.strip() if len(found.value) <= MAX_ANSWER else None
    return None


def _compared(problem: Problem, pair: tuple[str, str], checks: Checks) -> Iterator[Judged]:
    """Yield the verdict on each answer of a pair with the other for its gold, until one is right."""
    for answer, gold in (pair, pair[::-1]):
        judged = judge_answer(answer, gold, _kind(problem), problem.choices, checks.policy, seconds=checks.seconds)
        yield judged
        if judged.outcome == "right":
            return


def _kind(problem: Problem) -> str:
    """Return how the answers compare; a number without a gold to read it from may be anything."""
    return "auto" if problem.gold is None and problem.answer_kind == "number" else problem.answer_kind
