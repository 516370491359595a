"""The steps of the reasoning, checked without a model: 1 for a right one, 0 for a wrong one, None where unknown."""

from __future__ import annotations

from collections.abc import Sequence

from potstill import recipe
from potstill.records import Problem
from potstill.train.rewards import Answered, RewardContext, StepRewards, TermReward
from potstill.verify.steps import check_steps, segment
from potstill.verify.steps.facts import exact_labels, knows

_SCORES = {"right": 1.0, "wrong": 0.0, "unknown": None}


def steps(answers: Sequence[Answered], term: recipe.RewardTerm, asked: RewardContext) -> list[TermReward]:
    """Reward steps by what the calculator or the problem's facts say of them; behind the first wrong one none is known.

    As one reward of the whole it is that of the worst step of which anything is known. An answer that is cut off led to
    nothing: its last step is wrong.
    """
    del asked
    found: list[TermReward] = []
    for one in answers:
        spans = segment(one.trace.reasoning, term.cut or "sentences")
        texts = [one.trace.reasoning[span.start : span.end] for span in spans]
        scores = _by_facts(one.problem, texts) if term.check == "facts" else _by_calculator(texts)
        if one.trace.finish != "stop" and scores:
            scores[-1] = 0.0
        if term.form == "whole":
            found.append(min((score for score in scores if score is not None), default=None))
        else:
            found.append(StepRewards(spans, tuple(scores)))
    return found


def _by_calculator(texts: Sequence[str]) -> list[float | None]:
    checked = check_steps(texts)
    last = len(texts) if checked.first_wrong_step is None else checked.first_wrong_step
    return [_SCORES[step.outcome] if number <= last else None for number, step in enumerate(checked.steps)]


def _by_facts(problem: Problem, texts: Sequence[str]) -> list[float | None]:
    if not knows(problem):
        return [None] * len(texts)
    return [None if right is None else float(right) for right in exact_labels(problem, texts)]
