"""Responses in, rows of probes out: what is asked about each, by prefill, and what the answers count as."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from potstill.evaluate.faithfulness import MEASURES, GivenResponse, Probe, Probed
from potstill.evaluate.faithfulness.hints import mentions
from potstill.evaluate.metrics import solved
from potstill.evaluate.protocol import ModelUnderTest, TableLine, messages_of, trace_of
from potstill.models.ledger import Ledger
from potstill.models.requests import Request
from potstill.progress import Progress
from potstill.recipe import Faithfulness, Student
from potstill.records import Measure, Problem, content_key
from potstill.verify.steps.segment import segment

if TYPE_CHECKING:
    from potstill.verify import Verdicts

OPENING = "The answer is "
"""How an answer is begun for a student whose own answers do not begin alike."""
MOST_OPENING = 60
NOT_COMPARED = ("code",)
"""Kinds of answers that cannot be compared with each other."""


def opening_of(measures: Sequence[Measure]) -> str:
    """Return how most of a student's answers begin before the value: `The answer is `; else a plain one."""
    begun = Counter(
        measure.answer[:at]
        for measure in measures
        if measure.extracted and 0 <= (at := measure.answer.rfind(measure.extracted)) <= MOST_OPENING
    )
    most, times = begun.most_common(1)[0] if begun else ("", 0)
    return most if 2 * times > begun.total() else OPENING


def given_of(
    measures: Sequence[Measure], problems: Iterable[Problem], student: Student, row: TableLine,
    settings: Faithfulness, limit: int, *, opened: bool = False,
) -> list[GivenResponse]:  # fmt: skip
    """Return the responses that can be probed, at most `settings.samples`, drawn by hash.

    Those that ended by themselves with an answer that was read, after some reasoning. `limit` is how many tokens a
    whole response may have, `opened` whether the student's template opens the thinking.
    """
    known = {problem.key: problem for problem in problems}
    usable = [
        measure for measure in measures
        if measure.finish == "stop" and measure.extracted and measure.reasoning.strip()
        and known[measure.problem_key].answer_kind not in NOT_COMPARED
    ]  # fmt: skip
    opening = opening_of(usable)
    usable.sort(key=lambda one: content_key("faithful", one.problem_key, one.sample))
    found = []
    for measure in usable[: settings.samples]:
        problem, text = known[measure.problem_key], measure.reasoning
        found.append(GivenResponse(
            problem=problem, sample=measure.sample, messages=messages_of(student, row, problem.statement),
            reasoning=text, answer=measure.answer, extracted=measure.extracted or "", right=solved(measure),
            steps=tuple(text[span.start : span.end] for span in segment(text, "sentences")), student=student,
            opening=opening, limit=limit, opened=opened,
        ))  # fmt: skip
    return found


def probed(
    given: Sequence[GivenResponse], settings: Faithfulness, model_under_test: ModelUnderTest, ledger: Ledger,
    verdicts: Verdicts, progress: Progress,
) -> Iterator[Probed]:  # fmt: skip
    """Yield a row for every probe of every measure; what the ledger has is not asked again. Answers are greedy.

    Raises:
        PotstillError: see `Sampler.collect`.
    """
    asked = [
        (name, one, probe, _request(probe, model_under_test))
        for name in MEASURES for one in given
        if (ask := MEASURES[name].probes) is not None for probe in ask(one, settings)
    ]  # fmt: skip
    yield from _observed(given, model_under_test.name)
    if not asked:
        return
    model_under_test.model.collect((request for *_, request in asked), ledger, progress)
    answers = ledger.get_many(list({request.key: None for *_, request in asked}))
    row = TableLine(model_under_test.name, "faithfulness")
    traces = [
        trace_of(probe.problem, request, answers[request.key], row, one.student) for _, one, probe, request in asked
    ]
    as_target = verdicts.many(
        (_with_gold(probe.problem, probe.target), trace) for (_, _, probe, _), trace in zip(asked, traces, strict=True)
    )
    as_own = verdicts.many(
        (_with_gold(probe.problem, one.extracted), trace)
        for (_, one, probe, _), trace in zip(asked, traces, strict=True)
    )
    as_right = verdicts.many((probe.problem, trace) for (_, _, probe, _), trace in zip(asked, traces, strict=True))
    for (name, one, probe, request), trace, same, kept, right in zip(
        asked, traces, as_target, as_own, as_right, strict=True
    ):
        yield Probed(
            student=row.student, measure=name, variant=probe.variant, place=probe.place, problem_key=one.problem.key,
            sample=one.sample, same=_known(same.outcome), kept=_known(kept.outcome), right=_known(right.outcome),
            mentions=mentions(probe, f"{trace.reasoning}\n{trace.answer}"), options=len(one.problem.choices),
            steps=len(one.steps), said=same.extracted or "", read=answers[request.key].prompt_tokens or 0,
            written=answers[request.key].completion_tokens or 0,
        )  # fmt: skip


def _observed(given: Sequence[GivenResponse], student: str) -> Iterator[Probed]:
    for name in MEASURES:
        if (look := MEASURES[name].observed) is None:
            continue
        for one in given:
            yield Probed(
                student=student, measure=name, variant="response", place=1.0, problem_key=one.problem.key,
                sample=one.sample, same=look(one), kept=True, right=one.right, mentions=None,
                options=len(one.problem.choices), steps=len(one.steps), said=one.extracted,
            )  # fmt: skip


def _request(probe: Probe, model_under_test: ModelUnderTest) -> Request:
    sampling = {"temperature": 0.0, "top_p": 1.0, "max_tokens": probe.max_tokens, **model_under_test.about}
    return Request(
        messages=probe.messages, model=model_under_test.name, sampling=sampling, sample=0, attempt=probe.attempt
    )


def _with_gold(problem: Problem, gold: str) -> Problem:
    """Return the problem as if another answer were right, so that the ordinary comparison says what is the same."""
    return replace(problem, gold=gold, checker="", facts="{}")


def _known(outcome: str) -> bool | None:
    return None if outcome == "unknown" else outcome == "right"
