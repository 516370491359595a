"""What a problem is asked, sample by sample, and what a completion is worth: requests, retries, outcomes, traces."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from potstill import recipe
from potstill.errors import RecipeError
from potstill.models.replies.native_calls import offer
from potstill.models.requests import Completion, Request
from potstill.models.sampling import LIMITS, wire_sampling
from potstill.records import Problem, Trace, Verdict, content_key
from potstill.teach.calls import Call, Finished, Outcome, SampleTalk, finished_by
from potstill.teach.prompts import Asking

Judge = Callable[[Iterable[tuple[Problem, Trace]]], Iterable[Verdict]]
"""Verdicts on traces, in order: `potstill.verify.Verdicts.many`."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a problem as the ledger has it, and what came of it."""

    exchange: SampleTalk
    outcome: Outcome


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

    def exchange(self, problem: Problem, sample: int) -> SampleTalk:
        """Return a sample at its beginning."""
        return SampleTalk(
            problem, sample, self.asking.talk(problem, sample), partial(self._request, problem, sample), self.retry
        )

    def requests(self, problem: Problem, begin: int, end: int) -> list[Request]:
        """Return the first requests of the samples from `begin` up to `end`."""
        samples = (self.exchange(problem, sample) for sample in range(begin, end))
        return [request for sample in samples for request in sample.requests()]

    def _request(self, problem: Problem, sample: int, call: Call) -> Request:
        """Return the request of a call.

        Its seed depends on the run's seed, the problem, the sample's index and, of several calls, on which one it is:
        more problems, more samples or another order change no request that was there.
        """
        seed = seed_of(self.seed, problem, sample, call.tag)
        sampling = wire_sampling(self.teacher.sampling, seed, "teacher.sampling")
        if call.stop:
            if isinstance(self.teacher, recipe.ServedTeacher) and self.teacher.wire == "responses":
                raise RecipeError(
                    f"strategy.kind {self.strategy.kind} ends calls at a text, and the wire `responses` has no such "
                    "thing: set teacher.wire to openai, or choose another strategy"
                )
            sampling["stop"] = [*_stops(sampling), *call.stop]
        if call.tools:
            sampling["tools"] = offer(call.tools)
        return Request(
            messages=call.messages, model=self.teacher.model, sampling=sampling, sample=sample, call=call.tag
        )

    def retry(self, request: Request, completion: Completion) -> Request | None:
        """Return the one larger request that follows a truncated completion; None for every other completion."""
        if completion.finish != "length" or request.attempt:
            return None
        limits, larger = _limits(request.sampling), self.teacher.retry_max_tokens
        if not limits:  # the server's own limit, and twice of that is unknown
            return None if larger is None else _with(request, {"max_tokens": larger})
        return _with(request, {name: larger or 2 * limit for name, limit in limits.items()})

    def to_judge(self, exchange: SampleTalk) -> Trace | None:
        """Return the trace whose verdict decides a sample's outcome, or None where no verdict does."""
        if exchange.finished is None or exchange.finished.finish != "stop":
            return None
        judged = self.strategy.stop_at_right is not None or self.asking.judged
        return self.trace(exchange, exchange.finished) if judged else None

    def trace(self, exchange: SampleTalk, finished: Finished) -> Trace:
        """Return the trace of a sample, under the name of how it was asked: `zero_shot`, `explain/steps`."""
        named = self.asking.named(exchange.problem, exchange.sample)
        strategy = f"{self.strategy.kind}/{named}" if named else self.strategy.kind
        return trace_with(exchange.problem, exchange.counted, finished, strategy, exchange.written)

    def outcome(self, exchange: SampleTalk, verdict: Verdict | None) -> Outcome:
        """Return whether a sample is right; None where an outage left it undecided, which is not wrong."""
        if verdict is None:
            return None if exchange.finished is None or exchange.finished.finish == "failed" else False
        return None if verdict.cause == "infrastructure" else verdict.outcome == "right"

    def wanted(self, problem: Problem, outcomes: list[Outcome]) -> int:
        """Return how many samples a problem gets, as far as the outcomes say."""
        return self.asking.wanted(problem, outcomes, self.strategy)

    def samples(self, problem: Problem, find: Callable[[str], Completion | None]) -> Iterator[Sample]:
        """Yield the samples that the problem gets, in order; `find` looks a completion up by the key of its request."""
        outcomes: list[Outcome] = []
        while len(outcomes) < self.wanted(problem, outcomes):
            exchange = self.exchange(problem, len(outcomes)).replay(find)
            trace = self.to_judge(exchange)
            verdict = None if trace is None else next(iter(self.judge([(problem, trace)])))
            outcomes.append(self.outcome(exchange, verdict))
            yield Sample(exchange, outcomes[-1])

    def unanswered(self, problem: Problem, find: Callable[[str], Completion | None]) -> set[str]:
        """Return the keys of the requests that are still to be asked about a problem, or that failed."""
        keys: set[str] = set()
        for sample in self.samples(problem, find):
            exchange = sample.exchange
            keys |= exchange.failed if exchange.finished is not None else exchange.waiting
        return keys


def trace_of(problem: Problem, request: Request, completion: Completion, strategy: str) -> Trace:
    """Return the trace that one completion is; `strategy` is the name of how it was asked. See `finished_by`."""
    return trace_with(problem, request, finished_by(problem, completion), strategy, completion.completion_tokens)


def trace_with(problem: Problem, request: Request, finished: Finished, strategy: str, tokens: int | None) -> Trace:
    """Return the trace of a sample that ended, told by one of its requests; `tokens` were written for it."""
    return Trace(
        problem_key=problem.key,
        teacher=request.model,
        strategy=strategy,
        prompt_key=request.prompt_key,
        sample=request.sample,
        attempt=request.attempt,
        sampling=json.dumps(request.sampling, ensure_ascii=False, sort_keys=True),
        reasoning=finished.reasoning,
        answer=finished.answer,
        finish=finished.finish,
        reasoning_kind=finished.reasoning_kind,
        completion_tokens=tokens,
        failure=finished.failure,
        source=problem.source,
    )


def _limits(sampling: dict[str, Any]) -> dict[str, int]:
    return {name: sampling[name] for name in LIMITS if isinstance(sampling.get(name), int)}


def _with(request: Request, limits: dict[str, int]) -> Request:
    return replace(request, sampling=request.sampling | limits, attempt=1)


def _stops(sampling: dict[str, Any]) -> list[str]:
    """Return the texts that end a completion by the recipe's own `extra`."""
    own = sampling.get("stop")
    return [own] if isinstance(own, str) else [*(own or ())]


def seed_of(seed: int, problem: Problem, sample: int, tag: str) -> int:
    """Return 31 bits: some servers read a signed 32-bit integer."""
    told = (tag,) if tag else ()
    return int(content_key("seed", seed, problem.key, sample, *told)[:8], 16) & 0x7FFFFFFF
