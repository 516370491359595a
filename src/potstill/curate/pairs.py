"""Judged traces -> pairs of answers to one problem, of which one is better by a rule; pure, two passes over a stream.

What may stand in a pair has passed the filters of curation, but for that of wrong answers: it is finished, judged, with
reasoning and answer. A better answer is always a right one, for it is learnt as such beside being preferred.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from potstill.curate.filters import characters
from potstill.curate.select import Selection
from potstill.recipe import Dpo
from potstill.records import Drop, Pair, Problem, Reason, Trace

Faults = Callable[[Problem, Trace], int | None]
"""(problem, trace) -> how many of its steps are wrong; None where nobody can say of any."""
T = TypeVar("T")
JUDGE = "judge"
"""The rule whose pairs are not yet told which answer is the better one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """A trace that may stand in a pair; `order` is its place among equals, which the seed decides."""

    trace: Trace
    right: bool
    order: str

    @property
    def length(self) -> tuple[int, str]:
        """What orders answers by their length."""
        return characters(self.trace), self.order


def pairs(selection: Selection, settings: Dpo, faults: Faults) -> Iterator[Pair | Drop]:
    """Yield every drop of a trace, then problem by problem its pairs, or a drop that says why it has none.

    `selection` must let wrong answers pass, and none of unknown worth. Traces of a problem are held until its last one
    came by, all others only as numbers.
    """
    yield from selection.filtered()
    left = Counter(item.problem_key for item in selection.passed.values())
    held: dict[str, list[Contender]] = {}
    for ordinal, (trace, verdict) in enumerate(selection.traces()):
        passed = selection.passed.get(ordinal)
        if passed is None or verdict is None:
            continue
        key = trace.problem_key
        held.setdefault(key, []).append(
            Contender(trace=trace, right=verdict.outcome == "right", order=passed.order)
        )  # fmt: skip
        left[key] -= 1
        if not left[key]:
            yield from of_problem(selection.looker.training[key], held.pop(key), settings, faults)


def of_problem(
    problem: Problem, answers: Sequence[Contender], settings: Dpo, faults: Faults
) -> Iterator[Pair | Drop]:  # fmt: skip
    """Yield the pairs of one problem, at most `settings.per_problem`, those of the first rule first; or its drop."""
    right = sorted((one for one in answers if one.right), key=lambda one: one.length)
    wrong = sorted((one for one in answers if not one.right), key=lambda one: one.order)
    made: dict[tuple[str, str], Pair] = {}
    for rule in settings.prefer:
        for better, worse in RULES[rule](problem, right, wrong, settings, faults):
            if len(made) < settings.per_problem:
                made.setdefault((better.trace.key, worse.trace.key), _pair(problem, rule, better.trace, worse.trace))
    yield from made.values()
    if not made:
        alone = set(settings.prefer) == {"right_over_wrong"}
        reason = Reason.ALL_WRONG if not right else Reason.ALL_RIGHT if alone and not wrong else Reason.LIKE
        yield Drop("problem", problem.key, reason)


def _pair(problem: Problem, rule: str, better: Trace, worse: Trace) -> Pair:
    return Pair(
        problem_key=problem.key, question=problem.statement, rule=rule, chosen=better.key, rejected=worse.key,
        chosen_reasoning=better.reasoning, chosen_answer=better.answer, rejected_reasoning=worse.reasoning,
        rejected_answer=worse.answer,
    )  # fmt: skip


Found = Iterator[tuple[Contender, Contender]]
"""(the better one, the worse one)."""


def _right_over_wrong(
    problem: Problem, right: Sequence[Contender], wrong: Sequence[Contender], settings: Dpo, faults: Faults
) -> Found:  # fmt: skip
    """The shortest right answers over wrong ones as they come: length is not what tells them apart."""
    del problem, settings, faults
    return zip(right, wrong, strict=False)


def _fewer_wrong_steps(
    problem: Problem, right: Sequence[Contender], wrong: Sequence[Contender], settings: Dpo, faults: Faults
) -> Found:  # fmt: skip
    del wrong, settings
    told = [(count, *one.length, one) for one in right if (count := faults(problem, one.trace)) is not None]
    told.sort(key=lambda item: item[:3])
    for better, worse in _from_both_ends(told):
        if better[0] < worse[0]:
            yield better[3], worse[3]


def _shorter_right(
    problem: Problem, right: Sequence[Contender], wrong: Sequence[Contender], settings: Dpo, faults: Faults
) -> Found:  # fmt: skip
    del problem, wrong, faults
    for shorter, longer in _from_both_ends(right):
        if shorter.length[0] <= (1 - settings.shorter_by) * longer.length[0]:
            yield shorter, longer


def _from_both_ends(ordered: Sequence[T]) -> Iterator[tuple[T, T]]:
    """Yield the first with the last, the second with the last but one, and so on."""
    return zip(ordered[: len(ordered) // 2], reversed(ordered), strict=False)


def _judged(
    problem: Problem, right: Sequence[Contender], wrong: Sequence[Contender], settings: Dpo, faults: Faults
) -> Found:  # fmt: skip
    """Pairs in no order: which is the better one somebody else has to say."""
    del problem, wrong, settings, faults
    drawn = sorted(right, key=lambda one: one.order)
    return zip(drawn[::2], drawn[1::2], strict=False)


Rule = Callable[[Problem, Sequence[Contender], Sequence[Contender], Dpo, Faults], Found]
RULES: Mapping[str, Rule] = {
    "right_over_wrong": _right_over_wrong,
    "fewer_wrong_steps": _fewer_wrong_steps,
    "shorter_right": _shorter_right,
    JUDGE: _judged,
}
"""Name in a recipe -> (problem, its right answers, the shortest first, its wrong ones, settings, faults) -> pairs."""
