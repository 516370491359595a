"""How a student is asked and judged on held-out problems: the same questions, limits and checks for every row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from potstill.evaluate.tool_answers import ToolsAtHand, answers_with_tools
from potstill.models.ledger import Ledger
from potstill.models.local.model import row_seed
from potstill.models.replies.local_wire import gone_on
from potstill.models.requests import Completion, Message, Request
from potstill.progress import Progress
from potstill.recipe import Evaluate, Student
from potstill.records import Example, Failure, Finish, Measure, Problem, Trace, Verdict
from potstill.text import is_looping
from potstill.train.render import ask, split

if TYPE_CHECKING:
    from potstill.models.sampler import Sampler
    from potstill.verify import Verdicts


@dataclass(frozen=True)
class ModelUnderTest:
    """Who answers: a model under its name, and `about`, fields of its requests that tell its weights from others'.

    `together` is how many requests are handed over at a time; None hands over all, for a server that is kept busy.
    """

    model: Sampler
    name: str
    about: Mapping[str, Any]
    together: int | None


@dataclass(frozen=True)
class TableLine:
    """One row of the table: whose answers these are and how it was prompted."""

    student: str
    prompt: str
    shots: tuple[Example, ...] = ()
    statement: Callable[[Problem], str] = attrgetter("statement")
    """What is asked of a problem."""


def messages_of(student: Student, row: TableLine, statement: str) -> tuple[Message, ...]:
    """Return the conversation that ends with the question.

    Shots show their reasoning as plain text: many templates strip marked reasoning from earlier turns.
    """
    messages = []
    for shot in row.shots:
        messages.append(Message("user", ask(student, shot.question)))
        shown = f"{shot.reasoning}\n{shot.answer}" if shot.reasoning else shot.answer
        messages.append(Message("assistant", shown))
    messages.append(Message("user", ask(student, statement)))
    return tuple(messages)


def choose_shots(examples: Iterable[Example], count: int, seed: int) -> tuple[Example, ...]:
    """Draw worked examples from the training side, one domain after the other, one a problem; holds no more of them."""
    drawn: dict[str, dict[str, tuple[int, Example]]] = {}
    for example in filter(lambda one: one.reasoning, examples):
        place = row_seed(seed, "shot", example.trace_key)
        own = drawn.setdefault(example.domain, {})  # problem -> the first of its examples in the order of their places
        if example.problem_key not in own or place < own[example.problem_key][0]:
            own[example.problem_key] = place, example
        if len(own) > count:
            del own[max(own, key=lambda problem: own[problem][0])]
    by_domain = {domain: [own[problem][1] for problem in sorted(own, key=lambda one: own[one][0])]
                 for domain, own in drawn.items()}  # fmt: skip
    chosen: list[Example] = []
    while len(chosen) < count and any(by_domain.values()):
        for domain in sorted(by_domain):
            if by_domain[domain] and len(chosen) < count:
                chosen.append(by_domain[domain].pop(0))
    return tuple(chosen)


def requests_of(
    model_under_test: ModelUnderTest,
    problems: Sequence[Problem],
    row: TableLine,
    student: Student,
    settings: Evaluate,
    seed: int,
) -> list[tuple[Problem, Request]]:
    """Return what is asked, shortest questions first, `settings.samples` times each.

    Only draws have seeds, of 31 bits: some servers read a signed 32-bit integer.
    """
    fixed = {"temperature": settings.temperature, "top_p": settings.top_p, "max_tokens": settings.max_tokens}
    asked = []
    for problem in problems:
        turns = messages_of(student, row, row.statement(problem))
        for sample in range(settings.samples):
            drawn = {"seed": row_seed(seed, "evaluate", problem.key, sample) & 0x7FFFFFFF}
            sampling = fixed | (drawn if settings.temperature > 0 else {}) | dict(model_under_test.about)
            asked.append(
                (problem, Request(messages=turns, model=model_under_test.name, sampling=sampling, sample=sample))
            )
    asked.sort(key=lambda item: (sum(len(turn.content) for turn in item[1].messages), item[0].key, item[1].sample))
    return asked


def measure(
    model_under_test: ModelUnderTest,
    ledger: Ledger,
    asked: Sequence[tuple[Problem, Request]],
    row: TableLine,
    student: Student,
    verdicts: Verdicts,
    progress: Progress,
    skip: int = 0,
    at_hand: ToolsAtHand | None = None,
) -> Iterator[Measure]:
    """Yield the measures of one row in the order of `asked`; what the ledger has is not asked again.

    A request that failed is asked once more; what fails then too is a measure with finish `failed`, and the next call
    asks again. `skip` leaves out that many measures, for a run that goes on after a kill.

    Raises:
        PotstillError: see `Sampler.collect`.
    """
    together = model_under_test.together or max(1, len(asked))
    for start in range(0, len(asked), together):
        part = asked[start : start + together]
        if at_hand is None:
            there = _answers(model_under_test.model, ledger, part, progress)
        else:
            there = answers_with_tools(model_under_test.model, ledger, part, at_hand, progress)
        rows, answers = part[max(0, skip - start) :], there[max(0, skip - start) :]
        traces = [
            (problem, trace_of(problem, request, answer, row, student))
            for (problem, request), answer in zip(rows, answers, strict=True)
        ]
        for verdict, (_, trace), answer in zip(verdicts.many(traces), traces, answers, strict=True):
            yield measure_of(trace, answer, verdict)


def _answers(
    model: Sampler, ledger: Ledger, asked: Sequence[tuple[Problem, Request]], progress: Progress
) -> list[Completion]:
    """Return the completions of requests, in order; one that failed is asked once more."""
    request_counts = model.collect((request for _, request in asked), ledger, progress)
    if request_counts.finishes["failed"]:
        progress.done -= request_counts.finishes["failed"]
        failed = set(ledger.missing([request.key for _, request in asked]))
        model.collect((request for _, request in asked if request.key in failed), ledger, progress)
    there = ledger.get_many([request.key for _, request in asked])
    return [there[request.key] for _, request in asked]


def trace_of(problem: Problem, request: Request, answer: Completion, row: TableLine, student: Student) -> Trace:
    """Return a student's response in the form that the check of the teacher's traces takes."""
    last = request.messages[-1]
    # A response that was begun for the student is whole only with its beginning.
    whole = gone_on(last.content, answer.raw) if last.role == "assistant" else None
    if whole is not None or not answer.reasoning:
        reasoning, said = split(student, answer.content if whole is None else whole)
    else:
        reasoning, said = answer.reasoning, answer.content
    silent = answer.finish == "failed" and answer.failure == Failure.EMPTY
    finish: Finish = "stop" if silent else answer.finish
    return Trace(
        problem_key=problem.key, teacher=row.student, strategy=row.prompt, prompt_key="", sample=request.sample,
        attempt=0, sampling="{}", reasoning=reasoning, answer=said, finish=finish,
        failure="" if silent else answer.failure,
    )  # fmt: skip


def measure_of(trace: Trace, answer: Completion, verdict: Verdict) -> Measure:
    """Return the measure of one judged response; tokens that a server did not count are 0."""
    return Measure(
        student=trace.teacher, prompt=trace.strategy, problem_key=trace.problem_key, sample=trace.sample,
        reasoning=trace.reasoning, answer=trace.answer, finish=trace.finish,
        prompt_tokens=answer.prompt_tokens or 0, completion_tokens=answer.completion_tokens or 0,
        looped=is_looping(f"{trace.reasoning}\n{trace.answer}"), outcome=verdict.outcome, cause=verdict.cause,
        extracted=verdict.extracted,
    )  # fmt: skip
