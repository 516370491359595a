"""Answers that a student checks by itself: chain of verification (Dhuliawala et al. 2023) over its measured responses.

The draft is the response that was measured, so what checking makes right and wrong is told by pairs. The questions are
answered without the draft unless the recipe says `joint`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from potstill.evaluate.protocol import ModelUnderTest, TableLine, measure_of
from potstill.evaluate.tool_answers import TalksUnderWay
from potstill.models.ledger import Ledger
from potstill.models.local.model import row_seed
from potstill.models.requests import Completion, Request
from potstill.progress import Progress
from potstill.recipe import Evaluate, Student, VerifyChain
from potstill.records import Measure, Problem, Trace
from potstill.teach.calls import Call, Finished, SampleTalk, finished_by
from potstill.teach.strategies.verify_chain import checking
from potstill.train.render import split

if TYPE_CHECKING:
    from potstill.verify import Verdicts

PROMPT = "verify_chain"
"""What the measures of revised answers say of how they were asked."""


def verified(
    measures: Sequence[Measure], problems: Mapping[str, Problem], student: Student, settings: Evaluate,
    model_under_test: ModelUnderTest, ledger: Ledger, verdicts: Verdicts, seed: int, counts: Counter[str],
    progress: Progress,
) -> Iterator[Measure]:  # fmt: skip
    """Yield a measure of each answer after its check, in the order of `measures`; its tokens are those of all calls.

    A response that did not end by itself has no answer to check, and one without check questions stays: both are
    yielded as they were, with the tokens that looking for questions took. `counts` gets `checked`, `calls`, `questions`
    and `without questions`. What the ledger has is not asked again; a call that failed is asked once more.

    Raises:
        PotstillError: see `Sampler.collect`.
    """
    chain = settings.verify_chain or VerifyChain()
    together = model_under_test.together or max(1, len(measures))
    row = TableLine(model_under_test.name, PROMPT)
    for start in range(0, len(measures), together):
        part = measures[start : start + together]
        talks = [
            _Checking(problems[one.problem_key], one, student, settings, chain, model_under_test, seed) for one in part
        ]
        for _ in range(2):
            under_way = TalksUnderWay(ledger, progress)
            first = [request for talk in talks if talk.begin() for request in under_way.of(talk.exchange)]
            if first:
                model_under_test.model.collect(first, ledger, progress, follow=under_way.follow)
        rows = [(problems[one.problem_key], talk.trace(row)) for one, talk in zip(part, talks, strict=True)]
        for verdict, (_, trace), talk in zip(verdicts.many(rows), rows, talks, strict=True):
            yield measure_of(trace, talk.taken(counts), verdict)


class _Checking:
    """One answer under check."""

    def __init__(
        self, problem: Problem, draft: Measure, student: Student, settings: Evaluate, chain: VerifyChain,
        model_under_test: ModelUnderTest, seed: int,
    ) -> None:  # fmt: skip
        self.problem, self.draft, self.settings, self.seed = problem, draft, settings, seed
        self.model_under_test = model_under_test
        self._how = checking(chain, partial(_read, student))
        self._begun = False
        self.exchange = self._exchange()

    def begin(self) -> bool:
        """Begin, or begin again where a call failed; return whether there is anything to ask."""
        if self.draft.finish != "stop":
            return False
        if self._begun and self.exchange.finished is not None and self.exchange.finished.finish != "failed":
            return False
        self.exchange, self._begun = self._exchange(), True
        return True

    def _exchange(self) -> SampleTalk:
        draft = Finished(reasoning=self.draft.reasoning, answer=self.draft.answer)
        talk = self._how.after(self.problem, draft)
        return SampleTalk(self.problem, self.draft.sample, talk, self._request, lambda *_: None)

    def _request(self, call: Call) -> Request:
        settings, about = self.settings, dict(self.model_under_test.about)
        drawn = {"seed": row_seed(self.seed, "check", self.problem.key, self.draft.sample) & 0x7FFFFFFF}
        sampling = {"temperature": settings.temperature, "top_p": settings.top_p, "max_tokens": settings.max_tokens}
        sampling |= (drawn if settings.temperature > 0 else {}) | about
        return Request(
            messages=call.messages, model=self.model_under_test.name, sampling=sampling, sample=self.draft.sample,
            call=call.tag,
        )  # fmt: skip

    def trace(self, row: TableLine) -> Trace:
        """Return what it ended with: the draft where there was nothing to check, or no question."""
        ended = Finished(reasoning=self.draft.reasoning, answer=self.draft.answer, finish=self.draft.finish)
        if self.draft.finish == "stop":
            ended = self.exchange.finished or Finished(finish="failed", failure="not answered")
        return Trace(
            problem_key=self.problem.key, teacher=row.student, strategy=row.prompt, prompt_key="",
            sample=self.draft.sample, attempt=0, sampling="{}", reasoning=ended.reasoning, answer=ended.answer,
            finish=ended.finish, failure=ended.failure,
        )  # fmt: skip

    def taken(self, counts: Counter[str]) -> Completion:
        """Return all its calls as one, and count them."""
        paid = [completion for _, completion in self.exchange.paid.values()]
        counts.update(checked=int(self.draft.finish == "stop"), calls=len(paid))
        if self.exchange.finished is not None:
            counts.update(self.exchange.finished.counts)
        return Completion(
            key="", finish="stop", prompt_tokens=sum(one.prompt_tokens or 0 for one in paid),
            completion_tokens=sum(one.completion_tokens or 0 for one in paid), raw=b"",
        )  # fmt: skip


def _read(student: Student, problem: Problem, said: Completion) -> Finished:
    """Divide what a student wrote at its own marks of thinking."""
    if said.reasoning or said.finish not in ("stop", "length"):
        return finished_by(problem, said)
    reasoning, answer = split(student, said.content)
    return Finished(reasoning=reasoning, answer=answer, finish=said.finish)
