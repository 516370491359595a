"""A served teacher asked for a chain of thought: problems to requests, completions to traces."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from potstill import recipe
from potstill.errors import RecipeError
from potstill.models.ledger import Ledger
from potstill.models.requests import Completion, Message, Request
from potstill.models.served import ServedModel
from potstill.progress import Progress
from potstill.records import Problem, Trace, content_key
from potstill.teach.plain import split_plain

_RESERVED = {
    "model": "it is teacher.model",
    "messages": "they come from the strategy",
    "n": "ask for several traces with strategy.samples",
    "stream": "replies are read whole",
    "stream_options": "replies are read whole",
}


def served_traces(
    problems: Callable[[], Iterable[Problem]],
    strategy: recipe.Strategy,
    teacher: recipe.ServedTeacher,
    *,
    seed: int,
    ledger: Path,
    progress: Progress,
) -> Iterator[Trace]:
    """Ask what the ledger lacks, then yield one trace a request in the order of the problems.

    The order and the bytes of the traces do not depend on the order of completion. Requests that failed are asked once
    more after all others; what fails then too is a trace with finish `failed`, and a later run asks again.

    Raises:
        TeacherError, StoreError: see `ServedModel.sample`.
    """

    def requests() -> Iterator[Request]:
        return (request for problem in problems() for request in requests_for(problem, strategy, teacher, seed))

    model = ServedModel(teacher)
    with Ledger(ledger) as completions:
        tally = model.collect(requests(), completions, progress)
        if tally.finishes["failed"]:
            progress.done -= tally.finishes["failed"]
            missing = completions.missing
            model.collect((r for r in requests() if missing([r.key])), completions, progress)
        for problem in problems():
            for request in requests_for(problem, strategy, teacher, seed):
                completion = completions.get(request.key)
                if completion is not None:
                    yield trace_of(problem, request, completion, strategy)


def requests_for(
    problem: Problem, strategy: recipe.Strategy, teacher: recipe.ServedTeacher, seed: int
) -> list[Request]:
    """Return one request a sample.

    Each has its own seed, which depends on the run's seed, the problem and the sample's index alone: more problems,
    more samples or another order change no request that was there.

    Raises:
        RecipeError: `sampling.extra` holds a field that is not the recipe's to set.
    """
    sampling = wire_sampling(teacher.sampling)
    turns = (("system", strategy.system), ("user", strategy.prompt))
    # One replacement, not str.format: braces are LaTeX here, in prompts and questions alike.
    messages = tuple(
        Message("system" if role == "system" else "user", text.replace("{question}", problem.statement))
        for role, text in turns
        if text
    )
    sends_seed = "seed" not in teacher.sampling.extra
    return [
        Request(
            messages, teacher.model, sampling | ({"seed": _seed(seed, problem, sample)} if sends_seed else {}), sample
        )
        for sample in range(strategy.samples)
    ]


def wire_sampling(sampling: recipe.Sampling) -> dict[str, Any]:
    """Return the request fields of sampling settings; `extra` wins, and null in it removes a field.

    Raises:
        RecipeError: a field of `extra` belongs elsewhere.
    """
    for name in sampling.extra:
        if name in _RESERVED:
            raise RecipeError(f"teacher.sampling.extra.{name} cannot be set: {_RESERVED[name]}")
    if sampling.extra.get("seed") is not None:
        raise RecipeError("teacher.sampling.extra.seed cannot be set: each sample has its own; null sends none")
    fields = {"temperature": sampling.temperature, "top_p": sampling.top_p, "max_tokens": sampling.max_tokens}
    return {name: value for name, value in (fields | sampling.extra).items() if value is not None}


def trace_of(problem: Problem, request: Request, completion: Completion, strategy: recipe.Strategy) -> Trace:
    """Return the trace that a completion is; refused and failed ones are traces without text.

    Where the teacher marks no reasoning and hides none, its visible chain of thought is the reasoning.
    """
    reasoning, answer, kind = completion.reasoning, completion.content, completion.reasoning_kind
    if kind == "none" and not reasoning and completion.finish == "stop":
        reasoning, answer = split_plain(answer, problem.answer_kind, problem.choices)
        kind = "raw" if reasoning else "none"
    return Trace(
        problem_key=problem.key,
        teacher=request.model,
        strategy=strategy.kind,
        prompt_key=request.prompt_key,
        sample=request.sample,
        attempt=request.attempt,
        sampling=json.dumps(request.sampling, ensure_ascii=False, sort_keys=True),
        reasoning=reasoning,
        answer=answer,
        finish=completion.finish,
        reasoning_kind=kind,
        completion_tokens=completion.completion_tokens,
        failure=completion.failure,
        source=problem.source,
    )


def _seed(seed: int, problem: Problem, sample: int) -> int:
    """Return 31 bits: some servers read a signed 32-bit integer."""
    return int(content_key("seed", seed, problem.key, sample)[:8], 16) & 0x7FFFFFFF
