"""Problems that the teacher writes from the training problems, as a part of the stage `problems`.

    write    the teacher is asked, by a way drawn for each problem
    look     what is no whole problem, nearly a test, or nearly another problem is dropped
    solve    the teacher solves what is left, several times, and what its samples agree on is the gold

Every completion is in the run's ledger, so that a stage that was killed asks nothing twice and comes out the same.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from potstill.curate.quoting import QuoteIndex
from potstill.errors import TeacherError
from potstill.models.flops import Account
from potstill.models.sampler import Sampler, served_model
from potstill.pipeline.checkpoints import local_teacher
from potstill.pipeline.held_apart import benchmark_problems
from potstill.pipeline.settings import problem_seed, teacher_seed
from potstill.pipeline.spending import ASKED
from potstill.pipeline.stage import Context
from potstill.problems import read
from potstill.problems.near import NearIndex
from potstill.progress import Progress
from potstill.recipe import AskedTeacher, Checks, LocalTeacher, Source, Strategy, Written
from potstill.records import Drop, Problem, Reason, Trace, content_key
from potstill.teach.prompts import Asking
from potstill.teach.roles import packaged
from potstill.teach.served import served_traces
from potstill.teach.writing import SAME, WritingProblems, fault_of, prompts_of, question_in
from potstill.verify.groups import group_of
from potstill.verify.verdicts import judge, verdict_of
from potstill.verify.words import meaning_of

SOURCE = "written:"
"""Before the way, in the source of a problem that a teacher wrote."""
TESTS_NEAR, TEMPLATE_NEAR, QUOTED = 0.25, 0.8, 0.5
"""From which share of runs a written problem is nearly a test: with its numbers (where `problems.near` says nothing),
with other numbers, and by containing it."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
"""`1,200.50`."""


@dataclass(frozen=True, kw_only=True)
class NewProblem:
    """A written problem that is whole and new, the problem that it is written from, and the way."""

    problem: Problem
    parent: Problem
    way: str


def can_be_written_from(problem: Problem) -> bool:
    """Whether another problem can be written from one: its answer is a value that samples can agree on."""
    return not (problem.choices or problem.checker or problem.answer_kind in ("code", "parts"))


def written_problems(
    context: Context, training: Sequence[Problem], held_out: Sequence[Problem], counts: dict[str, Any]
) -> Iterator[Problem | Drop]:
    """Yield each written problem that is kept, or what was dropped and why, in the order of the problems they are from.

    `facts` of a kept one have its lineage: the `parent` by key, the `way`, and how many of how many samples agree.
    `counts` gets seeds, written, kept, the kept ones by way, and the tokens of all that was asked.

    Raises:
        TeacherError, StoreError: see `served_traces`; CapReachedError where the money is spent.
    """
    written, recipe = context.recipe.problems.written or Written(), context.recipe
    seed = problem_seed(recipe)
    seeds = [problem for problem in training if can_be_written_from(problem)]
    if written.seeds is not None and written.seeds < len(seeds):
        chosen = set(sorted(range(len(seeds)), key=lambda n: content_key("seeds", seed, seeds[n].key))[: written.seeds])
        seeds = [problem for n, problem in enumerate(seeds) if n in chosen]
    prompts = prompts_of(written, Path(recipe.data))
    asked = _WritingTeacher(context)
    said = asked.traces("write problems", seeds, written.each, WritingProblems("", "", prompts=prompts, seed=seed))
    candidates: list[NewProblem] = []
    novelty = _Novelty(context, training, held_out, written.near)
    number = 0
    by_key = {problem.key: problem for problem in seeds}
    for trace in said:
        number += 1
        found = _candidate(trace, by_key[trace.problem_key], prompts, novelty)
        if isinstance(found, NewProblem):
            candidates.append(found)
        else:
            yield found
    kept = Counter[str]()
    solving = Asking("", packaged("zero_shot"))
    samples: dict[str, list[Trace]] = {}
    for trace in asked.traces("solve them", [one.problem for one in candidates], written.samples, solving):
        samples.setdefault(trace.problem_key, []).append(trace)
    for one in candidates:
        settled = _settled(one, samples.get(one.problem.key, []), written, recipe.checks)
        if isinstance(settled, Problem):
            kept[one.way] += 1
        yield settled
    counts |= {
        "seeds": len(seeds), "written": number, "kept": sum(kept.values()), "ways": dict(sorted(kept.items())),
        "sampling": asked.account.counts(),
    }  # fmt: skip


class _WritingTeacher:
    """The teacher of the recipe, asked twice."""

    def __init__(self, context: Context) -> None:
        teacher, data = context.recipe.teacher, Path(context.recipe.data)
        assert isinstance(teacher, AskedTeacher)  # noqa: S101 - `checks.written` refuses others
        self.model: Sampler
        self.teacher: AskedTeacher
        if isinstance(teacher, LocalTeacher):
            self.teacher, self.model = local_teacher(teacher, data, context.run.ledger)
        else:
            self.teacher, self.model = teacher, served_model(teacher, context.cap)
        self.account = Account(None)
        self._ledger, self._seed = context.run.ledger / ASKED, teacher_seed(context.recipe)

    def traces(self, what: str, problems: Sequence[Problem], samples: int, asking: Asking) -> list[Trace]:
        """Return so many samples of each problem, in their order."""
        if not problems:
            return []
        found = list(
            served_traces(
                lambda: problems, self.teacher, self.model, Strategy(samples=samples), asking, seed=self._seed,
                ledger=self._ledger, progress=Progress(what, len(problems) * samples, "requests"),
                judge=lambda _: (), account=self.account,
            )
        )  # fmt: skip
        if failed := [trace.failure for trace in found if trace.finish == "failed"]:
            # An outage must not decide which problems there are.
            raise TeacherError(
                f"{len(failed)} requests failed while problems were written, the last with {failed[-1]!r}: run again, "
                "and only these are asked"
            )
        return found


def _candidate(trace: Trace, parent: Problem, prompts: dict[str, str], novelty: _Novelty) -> NewProblem | Drop:
    way = trace.strategy.partition("/")[2]
    name = f"{parent.id}/{way}/{trace.sample + 1}"
    if trace.finish != "stop":
        ended = "truncated" if trace.finish == "length" else trace.failure or trace.finish
        return Drop("problem", trace.key, Reason.UNWRITTEN, f"{name}: {ended}")
    question = question_in(trace.answer)
    if fault := fault_of(question, prompts[way]):
        return Drop("problem", trace.key, Reason.UNWRITTEN, f"{name}: {fault}")
    problem = Problem(
        id=name, question=question, gold=None, answer_kind=parent.answer_kind, domain=parent.domain,
        source=f"{SOURCE}{way}",
    )  # fmt: skip
    reason, detail = novelty.met(problem)
    if reason is not None:
        return Drop("problem", problem.key, reason, f"{name}: {detail}")
    return NewProblem(problem=problem, parent=parent, way=way)


class _Novelty:
    """What a written problem must not be: a test, in its words or its template, and a problem that is there already."""

    def __init__(
        self, context: Context, training: Sequence[Problem], held_out: Sequence[Problem], threshold: float
    ) -> None:
        settings, data = context.recipe.problems, Path(context.recipe.data)
        tests = [(f"held-out {problem.id} of {problem.source}", problem) for problem in held_out]
        for index, name in enumerate(settings.against):
            file = read(Source(file=name), seed=0, data=data, where=f"problems.against.{index}")
            tests += [(f"{problem.id} of {problem.source}", problem) for problem in file]
        tests += [(f"{problem.id} of {problem.source}", problem) for problem in benchmark_problems(context.recipe)]
        least = settings.near or TESTS_NEAR
        self._tests = NearIndex(least, ((name, problem.statement, None) for name, problem in tests))
        # Problems of generators share their template with the training problems anyway.
        told = [(name, problem) for name, problem in tests if not problem.template]
        self._templates = NearIndex(TEMPLATE_NEAR, ((name, _masked(problem.statement), None) for name, problem in told))
        self._quoted = QuoteIndex(QUOTED, ((name, problem.statement) for name, problem in told))
        self._others = NearIndex(threshold, ((f"{p.id} of {p.source}", p.statement, None) for p in training))
        self._keys = {problem.overlap_key for problem in training}
        self._test_keys = {problem.overlap_key for _, problem in tests}

    def met(self, problem: Problem) -> tuple[Reason | None, str]:
        """Return what a problem meets, and remember it where it meets nothing."""
        text = problem.statement
        if problem.overlap_key in self._test_keys:
            return Reason.LEAK, "the same question"
        if (near := self._tests.near(text)) is not None:
            return Reason.LEAK, str(near)
        if (near := self._templates.near(_masked(text))) is not None:
            return Reason.LEAK, f"other numbers, {near}"
        if quoted := self._quoted.quoted(text, ""):
            return Reason.LEAK, f"it holds {quoted}"
        if problem.overlap_key in self._keys:
            return Reason.COPIED, "the same question"
        if (near := self._others.near(text)) is not None:
            return Reason.COPIED, str(near)
        self._keys.add(problem.overlap_key)
        self._others.add(f"{problem.id} of {problem.source}", text)
        return None, ""


def _masked(text: str) -> str:
    return _NUMBER.sub("number", text)


def _settled(one: NewProblem, traces: Sequence[Trace], written: Written, checks: Checks) -> Problem | Drop:
    """Return the problem with the answer that enough samples give, or why it is dropped.

    Samples that were truncated, refused or failed agree with nobody. An answer that says that there is none settles
    nothing.
    """
    problem = one.problem
    group = group_of(problem, [(trace, verdict_of(problem, trace, checks)) for trace in traces], checks)
    gold = group.majority
    if gold is None or group.votes < written.agree * written.samples - 1e-9 or meaning_of(gold):
        told = "no answer" if gold is None else f"{group.votes} of {written.samples} say {gold[:60]!r}"
        return Drop("problem", problem.key, Reason.UNSETTLED, f"{problem.id}: {told}")
    own = one.parent.gold if one.way == SAME else None
    if own is not None and judge(one.parent, f"The answer is {gold}.", checks).outcome == "wrong":
        told = f"{gold[:60]!r}, and {one.parent.id} has {own[:60]!r}"
        return Drop("problem", problem.key, Reason.OTHER_ANSWER, f"{problem.id}: {told}")
    lineage = {"parent": one.parent.key, "way": one.way, "agree": group.votes, "samples": written.samples}
    return replace(problem, gold=gold, facts=json.dumps(lineage, sort_keys=True))
