"""What a problem is asked, sample by sample, and what a completion is worth: requests, retries, outcomes, traces."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from potstill import recipe
from potstill.errors import RecipeError
from potstill.models.requests import Completion, Request
from potstill.models.sampling import LIMITS, wire_sampling
from potstill.records import Problem, Trace, Verdict, content_key
from potstill.teach.plain import split_plain
from potstill.teach.prompts import Asking
from potstill.verify.kinds import read_gold

Outcome = bool | None
"""Of one sample: right (True), not right (False), or not known: still under way, or undecided by an outage."""
Judge = Callable[[Iterable[tuple[Problem, Trace]]], Iterable[Verdict]]
"""Verdicts on traces, in order: `potstill.verify.Verdicts.many`."""


def wanted(outcomes: Sequence[Outcome], samples: int, stop_at_right: int | None) -> int:
    """Return how many samples a problem gets, as far as the outcomes of the first ones say; never less than before.

    Sample i is asked for when fewer than `stop_at_right` of the samples before it can still turn out right, so it
    depends on their outcomes alone: asking early what is certain to be needed changes nothing but the waiting. The
    first round is `stop_at_right` samples, and each one that is not right calls the next. At most `samples`.
    """
    if stop_at_right is None:
        return samples
    perhaps_right = 0
    for number in range(samples):
        if perhaps_right >= stop_at_right:
            return number
        perhaps_right += number >= len(outcomes) or outcomes[number] is not False
    return samples


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a problem as the ledger has it: its last request that counts, and what came of it."""

    request: Request
    completion: Completion | None
    outcome: Outcome
    before: Completion | None = None
    """The truncated completion that the one that counts took the place of, or the other way round."""


@dataclass(frozen=True, kw_only=True)
class RequestBuilder:
    """Everything that decides what a problem is asked, and what a completion is worth.

    Raises:
        RecipeError: `sampling.extra` holds a field that is not the recipe's to set, or `retry_max_tokens` is no larger
            budget than that of the first request.
    """

    teacher: recipe.AskedTeacher
    strategy: recipe.Strategy
    asking: Asking
    seed: int
    judge: Judge

    def __post_init__(self) -> None:
        limits = _limits(wire_sampling(self.teacher.sampling, 0, "teacher.sampling"))
        larger = self.teacher.retry_max_tokens
        if larger is not None and any(limit >= larger for limit in limits.values()):
            raise RecipeError(
                f"teacher.retry_max_tokens: {larger} is no more than the {max(limits.values())} of the first request; "
                "raise it, or leave it out for twice as many"
            )

    def requests(self, problem: Problem, begin: int, end: int) -> list[Request]:
        """Return the first requests of the samples from `begin` up to `end`.

        Each has its own seed, which depends on the run's seed, the problem and the sample's index alone: more problems,
        more samples or another order change no request that was there.
        """
        return [
            Request(
                messages=self.asking.messages(problem, sample),
                model=self.teacher.model,
                sampling=wire_sampling(self.teacher.sampling, _seed(self.seed, problem, sample), "teacher.sampling"),
                sample=sample,
            )
            for sample in range(begin, end)
        ]

    def retry(self, request: Request, completion: Completion) -> Request | None:
        """Return the one larger request that follows a truncated completion; None for every other completion."""
        if completion.finish != "length" or request.attempt:
            return None
        limits, larger = _limits(request.sampling), self.teacher.retry_max_tokens
        if not limits:  # the server's own limit, and twice of that is unknown
            return None if larger is None else _with(request, {"max_tokens": larger})
        return _with(request, {name: larger or 2 * limit for name, limit in limits.items()})

    def to_judge(self, problem: Problem, request: Request, completion: Completion) -> Trace | None:
        """Return the trace whose verdict decides a sample's outcome, or None where no verdict does."""
        if completion.finish != "stop" or self.strategy.stop_at_right is None:
            return None
        return self.trace(problem, request, completion)

    def trace(self, problem: Problem, request: Request, completion: Completion) -> Trace:
        """Return the trace that a completion is, under the name of how it was asked: `zero_shot`, `explain/steps`."""
        named = self.asking.named(problem, request.sample)
        return trace_of(problem, request, completion, f"{self.strategy.kind}/{named}" if named else self.strategy.kind)

    def outcome(self, completion: Completion, verdict: Verdict | None) -> Outcome:
        """Return whether a sample is right; None where an outage left it undecided, which is not wrong."""
        if verdict is None:
            return None if completion.finish == "failed" else False
        return None if verdict.cause == "infrastructure" else verdict.outcome == "right"

    def wanted(self, outcomes: list[Outcome]) -> int:
        """Return how many samples a problem gets, as far as the outcomes say."""
        return wanted(outcomes, self.strategy.samples, self.strategy.stop_at_right)

    def samples(self, problem: Problem, find: Callable[[str], Completion | None]) -> Iterator[Sample]:
        """Yield the samples that the problem gets, in order; `find` looks a completion up by the key of its request."""
        outcomes: list[Outcome] = []
        for number in range(self.strategy.samples):
            if number >= self.wanted(outcomes):
                return
            sample = self._sample(problem, self.requests(problem, number, number + 1)[0], find)
            outcomes.append(sample.outcome)
            yield sample

    def _sample(self, problem: Problem, request: Request, find: Callable[[str], Completion | None]) -> Sample:
        completion, before = find(request.key), None
        if completion is None:
            return Sample(request, None, None)
        larger = self.retry(request, completion)
        if larger is not None:
            second = find(larger.key)
            if second is None:
                return Sample(request, completion, None)
            before = second
            if second.finish != "refused":  # else the budget is more than the server gives: the first one counts
                request, completion, before = larger, second, completion
        trace = self.to_judge(problem, request, completion)
        verdict = None if trace is None else next(iter(self.judge([(problem, trace)])))
        return Sample(request, completion, self.outcome(completion, verdict), before)

    def unanswered(self, problem: Problem, find: Callable[[str], Completion | None]) -> set[str]:
        """Return the keys of the requests that are still to be asked about a problem, or that failed."""
        keys = set()
        for sample in self.samples(problem, find):
            larger = None if sample.completion is None else self.retry(sample.request, sample.completion)
            if sample.completion is None or sample.completion.finish == "failed":
                keys.add(sample.request.key)
            elif larger is not None and find(larger.key) is None:
                keys.add(larger.key)
        return keys


def trace_of(problem: Problem, request: Request, completion: Completion, strategy: str) -> Trace:
    """Return the trace that a completion is; `strategy` is the name of how it was asked.

    Those that were refused and failed ones are traces without text.

    Where the teacher marks no reasoning and hides none, its visible chain of thought is the reasoning. A truncated one
    is all reasoning: what the token limit cut is no answer. Where the server counts reasoning that it does not show,
    what is visible is a preamble to it and no target.
    """
    reasoning, answer, kind = completion.reasoning, completion.content, completion.reasoning_kind
    if kind == "none" and completion.hidden_tokens:
        answer = "" if completion.finish == "length" else answer
    elif kind == "none" and not reasoning and completion.finish == "stop":
        reasoning, answer = split_plain(answer, _kind(problem), problem.choices)
        kind = "raw" if reasoning else "none"
    elif kind == "none" and not reasoning and completion.finish == "length":
        reasoning, answer, kind = answer, "", "raw" if answer else "none"
    return Trace(
        problem_key=problem.key,
        teacher=request.model,
        strategy=strategy,
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


def _limits(sampling: dict[str, Any]) -> dict[str, int]:
    return {name: sampling[name] for name in LIMITS if isinstance(sampling.get(name), int)}


def _with(request: Request, limits: dict[str, int]) -> Request:
    return replace(request, sampling=request.sampling | limits, attempt=1)


def _kind(problem: Problem) -> str:
    """Return how the problem's answer reads, where its declared kind leaves that to the gold."""
    if problem.answer_kind != "auto" or problem.gold is None:
        return problem.answer_kind
    return read_gold(problem.gold, "auto", problem.choices).kind


def _seed(seed: int, problem: Problem, sample: int) -> int:
    """Return 31 bits: some servers read a signed 32-bit integer."""
    return int(content_key("seed", seed, problem.key, sample)[:8], 16) & 0x7FFFFFFF
