"""A teacher that is asked, served or local: what the ledger lacks, more about the hard problems, made into traces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from potstill import recipe
from potstill.errors import TeacherError
from potstill.models.budget import CapReachedError
from potstill.models.flops import Account
from potstill.models.inspect import commit
from potstill.models.ledger import Ledger
from potstill.models.sampler import Sampler
from potstill.models.served.client import RequestCounts
from potstill.progress import Progress
from potstill.records import Failure, Problem, Trace
from potstill.teach.calls import SampleTalk
from potstill.teach.prompts import Asking
from potstill.teach.samples import Judge, RequestBuilder
from potstill.teach.sampling_rounds import SamplingRounds


@dataclass
class CallCounts:
    """What the samples of a strategy of several calls took: calls and tokens by role, and what else it counts."""

    calls: dict[str, Counter[str]] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)

    def add(self, exchange: SampleTalk) -> None:
        """Add a sample."""
        for request, completion in exchange.paid.values():
            if role := request.call.partition("/")[0]:
                self.calls.setdefault(role, Counter()).update(
                    calls=1, prompt_tokens=completion.prompt_tokens or 0,
                    completion_tokens=completion.completion_tokens or 0,
                )  # fmt: skip
        if exchange.finished is not None:
            self.told.update(exchange.finished.counts)

    def counts(self) -> dict[str, Any]:
        """Return both, without what is empty."""
        calls = {role: dict(self.calls[role]) for role in sorted(self.calls)}
        return ({"calls": calls} if calls else {}) | (
            {"strategy": dict(sorted(self.told.items()))} if self.told else {}
        )


def served_traces(
    problems: Callable[[], Iterable[Problem]],
    teacher: recipe.AskedTeacher,
    model: Sampler,
    strategy: recipe.Strategy,
    asking: Asking,
    *,
    seed: int,
    ledger: Path,
    progress: Progress,
    judge: Judge,
    account: Account,
    go_on: bool = False,
    counts: dict[str, Any] | None = None,
) -> Iterator[Trace]:
    """Ask what the ledger lacks, then yield one trace a sample in the order of the problems.

    The order and the bytes of the traces do not depend on the order of completion, nor on how often the run was
    stopped. A truncated completion is asked once more with a larger budget; what is truncated then too is a trace with
    finish `length`. With `stop_at_right` further samples depend on the verdicts of the earlier ones, by `judge`.
    A request that failed is asked once more after all others; what fails then too is a trace with finish `failed`, and
    a later run asks again. With `go_on` a price cap that is reached is no end: samples that were not asked are traces
    with `Failure.NOT_ASKED`, and `counts` gets their number; of samples of several calls it gets calls and tokens by
    role. `progress` starts with the first round as its total and
    grows with what is asked beyond. `account` gets the tokens of every completion that a trace was made of or that one
    took the place of, once all traces were yielded.

    Raises:
        TeacherError, StoreError: see `ServedModel.sample` and `InProcess.collect`.
        RecipeError: the sampling settings contradict each other.
    """
    builder = RequestBuilder(teacher=teacher, strategy=strategy, asking=asking, seed=seed, judge=judge)
    with Ledger(ledger) as completions:
        rounds = SamplingRounds(builder=builder, progress=progress, asked_before=lambda _: False, kept=completions)
        spent = ""
        try:
            request_counts = model.collect(rounds.first(problems()), completions, progress, follow=rounds.follow)
            _refuse_silence(request_counts, completions)
            if request_counts.finishes["failed"] or rounds.under_way:
                for rest in _second_chances(problems, builder, completions):
                    again = SamplingRounds(
                        builder=builder,
                        progress=progress,
                        asked_before=lambda key: completions.get(key) is not None,
                        kept=completions,
                    )
                    model.collect(again.first(rest), completions, progress, follow=again.follow)
        except CapReachedError as error:
            if not go_on:
                raise
            spent = str(error).partition(";")[0]
        undecided = unasked = 0
        tally = CallCounts()
        for problem in problems():
            samples = list(builder.samples(problem, completions.get))
            undecided += len(samples) < strategy.samples and any(sample.outcome is None for sample in samples)
            for sample in samples:
                exchange, finished = sample.exchange, sample.exchange.finished
                for _, completion in exchange.paid.values():
                    account.sampled(completion.prompt_tokens or 0, completion.completion_tokens or 0)
                tally.add(exchange)
                if finished is None:
                    finished = exchange.unasked(Failure.NOT_ASKED if spent else "")
                    unasked += finished is not None and finished.failure == Failure.NOT_ASKED
                if finished is not None:
                    yield builder.trace(exchange, finished)
        commit(completions)
    if counts is not None:
        counts |= tally.counts()
    if spent and counts is not None:
        counts["not_asked"] = unasked
    if spent:
        print(
            f"{spent}: going on with what is there, {unasked} samples were not asked; to ask them, raise "
            "spend_at_most and run with --redo",
            file=progress.stream,
        )
    if undecided:
        print(f"teacher: {undecided} problems wait for verdicts that an outage left open", file=progress.stream)


def _refuse_silence(request_counts: RequestCounts, completions: Ledger) -> None:
    """Raise TeacherError where every request failed or was refused, and nothing is there from before.

    What was refused is asked again by the next run: the cause may lie with the account, and not in the recipe.
    """
    if request_counts.kept or request_counts.finishes["stop"] or request_counts.finishes["length"]:
        return
    useless = [completion for completion in completions if completion.finish in ("refused", "failed")]
    if not useless:
        return
    completions.ask_again(completion.key for completion in useless)
    run = completions.path.parent.parent
    raise TeacherError(
        f"not one of {len(useless)} requests was answered, the last with {useless[-1].failure!r}: "
        f"`potstill ledger {run}` shows them all; mend the cause and run again"
    )


def _second_chances(
    problems: Callable[[], Iterable[Problem]], builder: RequestBuilder, completions: Ledger
) -> Iterator[list[Problem]]:
    """Yield the problems with unanswered requests, again as long as some of these have not had their second chance."""
    had: set[str] = set()
    while True:
        found = ((problem, builder.unanswered(problem, completions.get)) for problem in problems())
        rest = [(problem, keys) for problem, keys in found if keys - had]
        if not rest:
            return
        had.update(*(keys for _, keys in rest))
        yield [problem for problem, _ in rest]
