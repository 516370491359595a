"""A reward model of this recipe: the score of each step by a process model, of the whole by an outcome model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from potstill import recipe
from potstill.train.rewards import Answered, RewardContext, StepRewards, TermReward
from potstill.verify.scores import response_of
from potstill.verify.steps import segment
from potstill.verify.steps.prm import aggregate


def scorer(answers: Sequence[Answered], term: recipe.RewardTerm, asked: RewardContext) -> list[TermReward]:
    """Reward by a model's scores; unknown where it cannot read a solution. What is cut off led to nothing: 0."""
    how, model = asked.model(str(term.scorer))
    if how.kind == "outcome":
        pairs = ((one.problem.statement, response_of(one.trace, how)[0]) for one in answers)
        return [
            0.0 if one.trace.finish != "stop" else found.score
            for one, found in zip(answers, model.score(pairs), strict=True)
        ]
    return _of_steps(answers, term, how, model)


def _of_steps(
    answers: Sequence[Answered], term: recipe.RewardTerm, how: recipe.Reward, model: Any  # noqa: ANN401
) -> list[TermReward]:  # fmt: skip
    cut = [segment(one.trace.reasoning, how.steps) for one in answers]
    read = model.score((one.problem.statement, response_of(one.trace, how)) for one in answers)
    found: list[TermReward] = []
    for one, spans, scored in zip(answers, cut, read, strict=True):
        ended = one.trace.finish == "stop"
        if not spans:
            found.append(StepRewards((), ()) if term.form != "whole" else None if ended else 0.0)
        elif scored.scores is None:
            found.append(None)
        elif term.form == "whole":
            found.append(aggregate(scored.scores, how.aggregate) if ended else 0.0)
        else:
            found.append(StepRewards(spans, scored.scores if ended else (*scored.scores[:-1], 0.0)))
    return found
