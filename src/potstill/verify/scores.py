"""Traces in, a reward model's scores out; which model and how its steps' scores are put together is the recipe's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import tee
from pathlib import Path

from potstill.models.local.chat import today
from potstill.recipe import Reward
from potstill.records import Problem, Score, Trace
from potstill.verify.reward import OutcomeModel
from potstill.verify.steps.prm import ProcessModel, aggregate
from potstill.verify.steps.segment import segment


def scores_of(
    traces: Iterable[tuple[Problem, Trace]], reward: Reward, data: Path, day: Callable[[], date] = today
) -> Iterator[Score]:
    """Yield one score a trace, in order; `data` is the folder in which a local model is looked for.

    `day` is what the chat template of an outcome model is told that asks for today's date.

    An outcome model reads the answer part, a process model the steps of the reasoning. A trace that is not whole, or
    longer than the model reads, has no value and a reason.
    """
    local = data / Path(reward.model).expanduser()
    name = str(local) if local.is_dir() else reward.model
    scored, again = tee(traces)
    found = _outcome(name, day, scored) if reward.kind == "outcome" else _process(name, reward, scored)
    for (value, steps, reason, tokens), (_, trace) in zip(found, again, strict=True):
        if trace.finish == "stop":
            yield Score(
                trace_key=trace.key,
                model=reward.model,
                kind=reward.kind,
                value=value,
                steps=steps,
                reason=reason,
                tokens=tokens,
            )
        else:
            yield Score(
                trace_key=trace.key,
                model=reward.model,
                kind=reward.kind,
                value=None,
                steps=(),
                reason=f"the trace ended as {trace.finish}",
            )


def _outcome(
    name: str, day: Callable[[], date], traces: Iterable[tuple[Problem, Trace]]
) -> Iterator[tuple[float | None, tuple[float, ...], str, int]]:
    for rewarded in OutcomeModel(name, day).score((problem.statement, trace.answer) for problem, trace in traces):
        yield rewarded.score, (), rewarded.reason, rewarded.tokens


def _process(
    name: str, reward: Reward, traces: Iterable[tuple[Problem, Trace]]
) -> Iterator[tuple[float | None, tuple[float, ...], str, int]]:
    solutions = (
        (problem.statement, [trace.reasoning[span.start : span.end] for span in segment(trace.reasoning)])
        for problem, trace in traces
    )
    for found in ProcessModel(name, reward.separator).score(solutions):
        steps = found.scores or ()
        yield aggregate(steps, reward.aggregate) if steps else None, steps, found.reason, found.tokens
