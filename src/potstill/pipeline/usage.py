"""What answers take: tokens, seconds and dollars of every teacher, student and delivered file of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from potstill.errors import PotstillError, StoreError
from potstill.evaluate.metrics import summarise
from potstill.graph import Graph, SetNode
from potstill.intervals import wilson
from potstill.models.ledger import Ledger
from potstill.models.ledger_sums import Taken
from potstill.models.prices import price_of
from potstill.pipeline import naming
from potstill.pipeline.provenance import teacher_name
from potstill.pipeline.spending import ASKED
from potstill.pipeline.stage_facts import Named, seconds_of
from potstill.recipe import ArmTeacher, AskedTeacher, Price, Recipe, ServedTeacher
from potstill.records import Measure
from potstill.report import FileFacts, SetFacts, StudentFacts, UsageFacts
from potstill.report.students import arm_result
from potstill.store import Committed

HOUR = 3600.0
THOUSAND = 1000


@dataclass(frozen=True)
class _Asked:
    """What the teachers' ledger says: by model, and the seconds in which anything was asked."""

    taken: Mapping[str, Taken]
    seconds: float

    def of(self, model: str) -> Taken | None:
        """Return what a model took: by its name, or the only one that was asked."""
        return self.taken.get(model) or (next(iter(self.taken.values())) if len(self.taken) == 1 else None)


def usage_of_run(
    recipe: Recipe, graph: Graph, stages: Named, sets: Sequence[SetFacts], students: Sequence[StudentFacts],
    files: Sequence[FileFacts], ledger: Path | None,
) -> list[UsageFacts]:  # fmt: skip
    """Return teachers, students and files; `ledger` is the folder of ledgers, None where it is not at hand."""
    asked = _asked(ledger)
    by_name = {facts.name: facts for facts in sets}
    found = [_of_teacher(node, graph, stages, by_name[node.name], asked) for node in graph.sets.values()
             if node.traces_of == node.name]  # fmt: skip
    hour = recipe.evaluate.hour
    for arm, facts in zip(graph.arms.values(), students, strict=True):
        if facts.measures:
            found.append(_of_student(facts, stages[naming.measures(arm)], arm.recipe.evaluate.hour))
    return [*found, *(_of_file(file, hour) for file in files if file.measures)]


def _asked(folder: Path | None) -> _Asked:
    if folder is None or not (folder / ASKED).is_file():
        return _Asked({}, 0.0)
    try:
        with Ledger(folder / ASKED, write=False) as ledger:
            return _Asked(ledger.taken(), ledger.counts().seconds)
    except StoreError:  # of another layout, or damaged: the report says less
        return _Asked({}, 0.0)


def _of_teacher(node: SetNode, graph: Graph, stages: Named, facts: SetFacts, asked: _Asked) -> UsageFacts:
    traces, teacher = stages[naming.traces(node, graph)], node.recipe.teacher
    total = traces.total("traces")
    right, wrong = facts.verdicts.get("right", 0), facts.verdicts.get("wrong", 0)
    accuracy = wilson(right / (right + wrong), right + wrong) if right + wrong else None
    made = UsageFacts(
        name=teacher_name(node.recipe), kind="teacher", accuracy=accuracy, answers=total,
        basis="it is not asked over any network and counts no tokens",
    )  # fmt: skip
    told = traces.counts.get("sampling")
    if told is None or not total or not isinstance(teacher, AskedTeacher | ArmTeacher):
        return made
    made = replace(made, read=told["prompt_tokens"] / total, written=told["completion_tokens"] / total)
    taken = asked.of(teacher.model if isinstance(teacher, AskedTeacher) else "")
    made = replace(made, last=None if taken is None else taken.last)
    if not isinstance(teacher, ServedTeacher):
        if taken is None:
            return replace(made, basis="the ledger is not at hand")
        return _by_the_hour(replace(made, basis="in this process, answers side by side"), taken.rows,
                            taken.completion_tokens, taken.machine, node.recipe.evaluate.hour)  # fmt: skip
    if taken is not None and len(asked.taken) == 1 and asked.seconds:
        made = replace(made, rate=taken.completion_tokens / asked.seconds)
    try:
        priced = price_of(replace(teacher, spend_at_most=None))
    except PotstillError as error:
        return replace(made, basis=f"no price: {error}")
    if priced.price is None:
        return replace(made, basis=f"no price ({priced.basis}); replies are not streamed: no first token")
    spent = _spent(priced.price, told, seconds_of(traces))
    return replace(
        made, dollars=spent / total * THOUSAND, spent=spent,
        basis=f"price: {priced.basis}; replies are not streamed: no first token",
    )  # fmt: skip


def _spent(price: Price, told: Mapping[str, int], seconds: float) -> float:
    tokens = told["prompt_tokens"] * price.prompt + told["completion_tokens"] * price.completion
    return tokens / 1e6 + seconds / HOUR * price.hour


def _of_student(facts: StudentFacts, measured: Committed, hour: float | None) -> UsageFacts:
    """Return what the answers that the table shows took, as the stage's clock has it."""
    row = arm_result(facts)
    summary = row.summary
    made = UsageFacts(
        name=facts.name, kind="student", accuracy=summary.accuracy if summary.scored else None,
        answers=summary.responses, read=_mean(row.measures), written=summary.mean_tokens,
        basis="no time was recorded",
    )  # fmt: skip
    clock = measured.clock
    table = next(name for name in _tables(measured) if _prompt(measured, name) == row.prompt)
    answers, machine = clock.get(f"{table} answers"), clock.get(f"{table} seconds")
    first, rate = clock.get("first"), clock.get("rate")
    if first is not None:
        last = first + max(0.0, summary.mean_tokens - 1) / rate if rate else None
        made = replace(made, first=first, last=last, basis="tokens of one answer alone")
    if not answers or not machine:
        return made
    side = "price and tokens/s side by side, on this machine"
    whole = replace(made, basis=f"first and last token alone; {side}" if first is not None else side)
    return _by_the_hour(whole, int(answers), summary.mean_tokens * answers, machine, hour)


def _by_the_hour(made: UsageFacts, answers: int, tokens: float, machine: float, hour: float | None) -> UsageFacts:
    """Return the usage with what `machine` seconds for so many answers make."""
    dollars = None if hour is None else machine / answers * THOUSAND / HOUR * hour
    return replace(made, rate=tokens / machine if machine else None, dollars=dollars)


def _tables(measured: Committed) -> Iterator[str]:
    yield from measured.counts["tables"]


def _prompt(measured: Committed, table: str) -> str:
    return next((measure.prompt for measure in measured.rows(table, Measure)), "")


def _mean(measures: Sequence[Measure]) -> float:
    return sum(measure.prompt_tokens for measure in measures) / len(measures)


def _of_file(file: FileFacts, hour: float | None) -> UsageFacts:
    """Return what an answer of a delivered file takes on one thread, alone."""
    summary, clock = summarise(file.measures), file.clock
    first, rate = clock.get("first_1"), clock.get("written_1")
    last = first + max(0.0, summary.mean_tokens - 1) / rate if first is not None and rate else None
    return UsageFacts(
        name=file.name, kind="file", accuracy=summary.accuracy if summary.scored else None, answers=summary.responses,
        read=_mean(file.measures), written=summary.mean_tokens, first=first, last=last, rate=rate,
        dollars=None if hour is None or last is None else last * THOUSAND / HOUR * hour,
        basis="alone, one thread, in its own runtime",
    )  # fmt: skip
