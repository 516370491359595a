"""How a student is asked and judged on held-out problems: the same questions, limits and checks for every row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from potstill.models.local import Generated, Prompt, row_seed
from potstill.recipe import Evaluate, Student
from potstill.records import Example, Measure, Problem, Trace, Verdict
from potstill.text import is_looping, split_response
from potstill.train.render import ask
from potstill.verify import Verdicts


class Model(Protocol):
    """What is measured: `potstill.models.local.LocalModel`, or a stand-in of the same shape."""

    def render(self, messages: Sequence[dict[str, str]]) -> str:
        """Return the prompt text of a conversation."""

    def sample(
        self, prompts: Sequence[Prompt], max_tokens: int, temperature: float = 0.0, top_p: float = 1.0
    ) -> list[Generated]:
        """Sample one completion a prompt."""


@dataclass(frozen=True)
class Row:
    """One row of the table: whose answers these are and how it was prompted."""

    student: str
    prompt: str
    shots: tuple[Example, ...] = ()


def messages_of(student: Student, row: Row, statement: str) -> list[dict[str, str]]:
    """Return the conversation that ends with the question.

    Shots show their reasoning as plain text: many templates strip marked reasoning from earlier turns.
    """
    messages = []
    for shot in row.shots:
        messages.append({"role": "user", "content": ask(student, shot.question)})
        shown = f"{shot.reasoning}\n{shot.answer}" if shot.reasoning else shot.answer
        messages.append({"role": "assistant", "content": shown})
    messages.append({"role": "user", "content": ask(student, statement)})
    return messages


def choose_shots(examples: Sequence[Example], count: int, seed: int) -> tuple[Example, ...]:
    """Draw worked examples from the training side, one domain after the other, one a problem."""
    ordered = sorted(examples, key=lambda example: row_seed(seed, "shot", example.trace_key))
    by_domain: dict[str, list[Example]] = {}
    seen: set[str] = set()
    for example in ordered:
        if example.reasoning and example.problem_key not in seen:
            seen.add(example.problem_key)
            by_domain.setdefault(example.domain, []).append(example)
    chosen: list[Example] = []
    while len(chosen) < count and any(by_domain.values()):
        for domain in sorted(by_domain):
            if by_domain[domain] and len(chosen) < count:
                chosen.append(by_domain[domain].pop(0))
    return tuple(chosen)


def measure(
    model: Model,
    problems: Sequence[Problem],
    row: Row,
    student: Student,
    settings: Evaluate,
    verdicts: Verdicts,
    seed: int,
    skip: int = 0,
) -> Iterator[Measure]:
    """Yield the measures of one row in batches of `settings.batch`, shortest prompts first.

    `skip` leaves out that many measures (a whole number of batches), for a run that goes on after a kill.
    """
    asked = [
        (p, model.render(messages_of(student, row, p.statement)), s) for p in problems for s in range(settings.samples)
    ]
    asked.sort(key=lambda item: (len(item[1]), item[0].key, item[2]))
    for start in range(skip, len(asked), settings.batch):
        batch = asked[start : start + settings.batch]
        prompts = [Prompt(text, row_seed(seed, "evaluate", p.key, sample)) for p, text, sample in batch]
        answers = model.sample(prompts, settings.max_tokens, settings.temperature, settings.top_p)
        judged = [(p, trace_of(p, g, row, student, s)) for (p, _, s), g in zip(batch, answers, strict=True)]
        for verdict, (_, trace), generated in zip(verdicts.many(judged), judged, answers, strict=True):
            yield measure_of(trace, generated, verdict)


def split(student: Student, text: str) -> tuple[str, str]:
    """Split a response at the student's own marks, else at any marks that models use."""
    opening, closing = student.reasoning_open.strip(), student.reasoning_close.strip()
    before, mark, after = text.partition(closing)
    if mark:
        return before.strip().removeprefix(opening).strip(), after.strip()
    if opening and text.lstrip().startswith(opening):
        return text.strip().removeprefix(opening).strip(), ""
    found = split_response(text)
    return found.reasoning, found.answer


def trace_of(problem: Problem, generated: Generated, row: Row, student: Student, sample: int) -> Trace:
    """Return a student's response in the form that the check of the teacher's traces takes."""
    reasoning, answer = split(student, generated.text)
    return Trace(
        problem_key=problem.key, teacher=row.student, strategy=row.prompt, prompt_key="", sample=sample, attempt=0,
        sampling="{}", reasoning=reasoning, answer=answer, finish=generated.finish,
    )  # fmt: skip


def measure_of(trace: Trace, generated: Generated, verdict: Verdict) -> Measure:
    """Return the measure of one judged response."""
    return Measure(
        student=trace.teacher, prompt=trace.strategy, problem_key=trace.problem_key, sample=trace.sample,
        reasoning=trace.reasoning, answer=trace.answer, finish=generated.finish,
        prompt_tokens=generated.prompt_tokens, completion_tokens=generated.completion_tokens,
        looped=is_looping(generated.text), outcome=verdict.outcome, cause=verdict.cause, extracted=verdict.extracted,
    )  # fmt: skip
