"""Traces in, a reward model's scores out; which model and how its steps' scores are put together is the recipe's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import tee

from potstill.models.local.chat import today
from potstill.recipe import Reward
from potstill.records import Problem, Score, Trace
from potstill.verify.reward import OutcomeModel
from potstill.verify.steps.prm import ProcessModel, aggregate
from potstill.verify.steps.segment import segment


def response_of(trace: Trace, reward: Reward) -> tuple[str, ...]:
    """Return what a reward model is shown of a trace: the steps of its reasoning, or the one response."""
    if reward.kind == "process":
        return tuple(trace.reasoning[span.start : span.end] for span in segment(trace.reasoning, reward.steps))
    if reward.reads == "answer" or not trace.reasoning.strip():
        return (trace.answer,)
    return (f"{trace.reasoning.strip()}\n\n{trace.answer}",)


def scores_of(
    traces: Iterable[tuple[Problem, Trace]], reward: Reward, name: str, day: Callable[[], date] = today
) -> Iterator[Score]:
    """Yield one score a trace, in order; `name` is the folder of the model, or its name on the hub.

    `day` is what the chat template of an outcome model is told that asks for today's date.

    A trace that is not whole, or longer than the model reads, has no value and a reason.
    """
    scored, again = tee(traces)
    found = _outcome(name, reward, day, scored) if reward.kind == "outcome" else _process(name, reward, scored)
    for (value, steps, reason, tokens), (_, trace) in zip(found, again, strict=True):
        whole = trace.finish == "stop"
        yield Score(
            trace_key=trace.key, model=str(reward.scorer or reward.model), kind=reward.kind,
            value=value if whole else None, steps=steps if whole else (),
            reason=reason if whole else f"the trace ended as {trace.finish}", tokens=tokens if whole else 0,
        )  # fmt: skip


def _outcome(
    name: str, reward: Reward, day: Callable[[], date], traces: Iterable[tuple[Problem, Trace]]
) -> Iterator[tuple[float | None, tuple[float, ...], str, int]]:
    pairs = ((problem.statement, response_of(trace, reward)[0]) for problem, trace in traces)
    for rewarded in OutcomeModel(name, day).score(pairs):
        yield rewarded.score, (), rewarded.reason, rewarded.tokens


def _process(
    name: str, reward: Reward, traces: Iterable[tuple[Problem, Trace]]
) -> Iterator[tuple[float | None, tuple[float, ...], str, int]]:
    solutions = ((problem.statement, response_of(trace, reward)) for problem, trace in traces)
    for found in ProcessModel(name, reward.separator).score(solutions):
        steps = found.scores or ()
        yield aggregate(steps, reward.aggregate) if steps else None, steps, found.reason, found.tokens
