"""Labels of steps, for reward models: whose solutions they are of, and who says of each step whether it is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from potstill.errors import DataError
from potstill.pipeline.stage import STUDENTS, Context
from potstill.progress import Progress
from potstill.recipe import Labels, Scorer, Student
from potstill.records import UNSCORED, Label, Outcome, Problem, Trace, Verdict, content_key
from potstill.scorer_nodes import Part, ScorerNode
from potstill.verify.scores import response_of

AT_ONCE = 1024
"""Rollouts that are asked for together, at least; more where one solution has more."""
SHARES: Mapping[Outcome, float | None] = {"right": 1.0, "wrong": 0.0, "unknown": None}
FILE_SHARES: Mapping[int | None, float | None] = {1: 1.0, 0: 1.0, -1: 0.0, None: None}
"""What the labels of a file mean: a neutral step is none that is wrong, as Lightman et al. 2023 count it."""


@dataclass(frozen=True, kw_only=True)
class CutTrace:
    """A trace cut into steps, and the verdict on it."""

    problem: Problem
    trace: Trace
    steps: tuple[str, ...]
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """One table of labels: for which scorer, and for which part of its problems.

    `student` is how the arm is asked that goes on from each step.
    """

    node: ScorerNode
    part: Part
    student: Student | None

    @property
    def labels(self) -> Labels:
        """What is labelled by whom."""
        return self.node.labels[self.part]

    def has(self, problem_key: str) -> bool:
        """Whether a problem is of this part; a test that is a file of its own takes nothing of the other."""
        if self.part == "test" and self.node.scorer.test is not None and self.labels.by == "file":
            return True
        return is_held_out(problem_key, self.node.scorer, self.node.recipe.seed) == (self.part == "test")

    def label(self, solution: CutTrace, step: int, share: float | None, decided: int = 1, undecided: int = 0) -> Label:
        """Return the label of one step."""
        return Label(
            problem_key=solution.problem.key, question=solution.problem.statement, solution=solution.trace.key,
            step=step, text=solution.steps[step], share=share, source=self.labels.by, decided=decided,
            undecided=undecided,
        )  # fmt: skip


def is_held_out(problem_key: str, scorer: Scorer, seed: int) -> bool:
    """Whether a scorer is never trained on a problem: a function of the problem and the seed alone."""
    return int(content_key("held out of a scorer", seed, problem_key)[:12], 16) / 16**12 < scorer.held_out


def label(labelling: Labelling, context: Context) -> dict[str, object]:
    """Write the table of labels, one row a step, and return what they add up to.

    Raises:
        DataError: there is nothing to label, or no label of a kind that training needs.
    """
    table = context.work.table("labels", Label)
    account: dict[str, object] = {}
    found: Counter[str] = Counter()
    progress = Progress("labels", None, "steps")
    progress.resume_at(table.rows_done)
    for number, row in enumerate(LABELLERS[labelling.labels.by](labelling, context, account)):
        found["solutions"] += row.step == 0
        found["steps"] += 1
        found["labelled"] += row.share is not None
        found["wrong"] += row.share == 0
        if number >= table.rows_done:
            table.append(row)
            progress.advance()
    progress.close()
    if not found["steps"]:
        raise DataError(_nothing(labelling))
    return {**{key: found[key] for key in ("solutions", "steps", "labelled", "wrong")}, **account}


def _nothing(labelling: Labelling) -> str:
    key = f"scorers.{labelling.node.name}.{'labels' if labelling.part == 'train' else 'test'}"
    labels = labelling.labels
    if labels.by == "file":
        return f"{key}.file: {labels.file} has no solution of a problem for this part"
    if labels.by == "facts":
        return f"{key}: labels by facts need finished traces of chain or compare problems in the set {labels.on}"
    return f"{key}: the set {labels.on} has no finished trace with reasoning for {labelling.part}ing it"


def solutions_of(labelling: Labelling, context: Context) -> Iterator[CutTrace]:
    """Yield the finished traces of this part with their steps: those of the reasoning, or the one of the response."""
    yield from islice(_solutions(labelling, context), labelling.labels.solutions)


def _solutions(labelling: Labelling, context: Context) -> Iterator[CutTrace]:
    most = labelling.labels.per_problem
    training = {problem.key: problem for problem in context.inputs["problems"].rows("train", Problem)}
    traces = context.inputs["traces"].rows("traces", Trace)
    taken: Counter[str] = Counter()
    for trace, verdict in zip(traces, context.inputs["verdicts"].rows("verdicts", Verdict), strict=True):
        problem = training.get(trace.problem_key)
        if problem is None or trace.finish != "stop" or not labelling.has(problem.key):
            continue
        steps = response_of(trace, labelling.node.reward)
        if steps and (most is None or taken[problem.key] < most):
            taken[problem.key] += 1
            yield CutTrace(problem=problem, trace=trace, steps=steps, outcome=verdict.outcome)


def _by_verdicts(labelling: Labelling, context: Context, account: dict[str, object]) -> Iterator[Label]:
    del account
    for solution in solutions_of(labelling, context):
        yield labelling.label(solution, 0, SHARES[solution.outcome])


def _by_calculator(labelling: Labelling, context: Context, account: dict[str, object]) -> Iterator[Label]:
    """Label steps by their arithmetic; what comes behind the first wrong one is built on it and has no label."""
    from potstill.verify.steps.arithmetic import check_steps

    del account
    for solution in solutions_of(labelling, context):
        checked = check_steps(solution.steps)
        first = len(solution.steps) if checked.first_wrong_step is None else checked.first_wrong_step
        for number, step in enumerate(checked.steps):
            yield labelling.label(solution, number, SHARES[step.outcome] if number <= first else None)


def _by_facts(labelling: Labelling, context: Context, account: dict[str, object]) -> Iterator[Label]:
    from potstill.verify.steps.facts import exact_labels, knows

    del account
    for solution in solutions_of(labelling, context):
        if knows(solution.problem):
            for number, right in enumerate(exact_labels(solution.problem, solution.steps)):
                yield labelling.label(solution, number, None if right is None else float(right))


def _by_file(labelling: Labelling, context: Context, account: dict[str, object]) -> Iterator[Label]:
    from potstill.verify.steps.labels import read_step_labels

    del account
    path = Path(context.recipe.data) / Path(str(labelling.labels.file)).expanduser()
    taken: Counter[str] = Counter()
    all_of_them = labelling.labels.solutions
    for row in read_step_labels(path):
        if all_of_them is not None and taken.total() >= all_of_them:
            return
        key = Problem(id=row.id, question=row.problem, gold=None).key
        most = labelling.labels.per_problem
        if not labelling.has(key) or (most is not None and taken[key] >= most):
            continue
        taken[key] += 1
        for number, (text, own) in enumerate(zip(row.steps, row.labels, strict=True)):
            yield Label(
                problem_key=key, question=row.problem, solution=row.id, step=number, text=text,
                share=FILE_SHARES[own], source="file",
            )  # fmt: skip


def _by_rollouts(labelling: Labelling, context: Context, account: dict[str, object]) -> Iterator[Label]:
    """Let a student go on from each step but the last, whose label is the verdict on the whole.

    Only what lies outside the student leaves a rollout undecided: one that is cut or ends without an answer did not
    come to a right end.
    """
    from potstill.models.flops import Account, shape_of
    from potstill.models.ledger import Ledger
    from potstill.pipeline.rollouts import Continuing

    folder = context.inputs["model"].folder("model")
    continuing = Continuing(labelling, folder)
    tally = Account(shape_of(folder))
    many = labelling.labels.rollouts
    progress = Progress("rollouts", None, "rollouts")
    with Ledger(context.run.ledger / STUDENTS) as ledger, context.verdicts() as verdicts:
        for chunk in _chunks(solutions_of(labelling, context), many):
            asked = [each for solution in chunk for each in continuing.requests(solution)]
            continuing.model.collect((request for _, request, _ in asked), ledger, progress)
            there = ledger.get_many([request.key for _, request, _ in asked])
            traces = []
            for problem, request, begun in asked:
                completion = there[request.key]
                tally.sampled(completion.prompt_tokens or 0, completion.completion_tokens or 0)
                traces.append((problem, continuing.trace(problem, request, begun, completion)))
            judged = iter(
                None if trace.finish == "failed" or verdict.cause in UNSCORED else verdict.outcome == "right"
                for verdict, (_, trace) in zip(verdicts.many(traces), traces, strict=True)
            )
            for solution in chunk:
                for number in range(len(solution.steps) - 1):
                    found = list(islice(judged, many))
                    decided = [one for one in found if one is not None]
                    share = sum(decided) / len(decided) if decided else None
                    yield labelling.label(solution, number, share, len(decided), len(found) - len(decided))
                yield labelling.label(solution, len(solution.steps) - 1, SHARES[solution.outcome])
    progress.close()
    account["sampling"] = tally.counts()


def _chunks(solutions: Iterator[CutTrace], rollouts: int) -> Iterator[list[CutTrace]]:
    chunk: list[CutTrace] = []
    size = 0
    for solution in solutions:
        chunk.append(solution)
        size += rollouts * (len(solution.steps) - 1)
        if size >= AT_ONCE:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


Labeller = Callable[[Labelling, Context, dict[str, object]], Iterator[Label]]
LABELLERS: Mapping[str, Labeller] = {
    "rollouts": _by_rollouts,
    "calculator": _by_calculator,
    "facts": _by_facts,
    "file": _by_file,
    "verdicts": _by_verdicts,
}
"""What `labels.by` says -> who labels: all steps of a solution after each other, and what it cost into the account."""
