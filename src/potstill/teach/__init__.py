"""How a teacher is asked, and what it returns as traces.

Late binding: the kind of a teacher is looked up in `_TRACES`. A served teacher is asked asynchronously and keeps a
ledger, so the pipeline calls `potstill.teach.served` itself.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from potstill.recipe import DatasetTeacher, SolutionsTeacher, Strategy, WorkedTeacher
from potstill.records import Problem, Trace

OfflineTeacher = WorkedTeacher | DatasetTeacher | SolutionsTeacher


def traces(
    teacher: OfflineTeacher, training: Iterable[Problem], held_out: Iterable[Problem], *, strategy: Strategy, seed: int,
    data: Path, counts: dict[str, Any] | None = None, measured: Mapping[str, tuple[str, ...]] | None = None,
) -> Iterator[Trace]:  # fmt: skip
    """Yield the traces of a teacher that asks nobody; the same arguments give the same traces.

    Problems are asked for training only. A file of traces is read whole: its rows are matched with the problems of both
    sides, so that traces of held-out problems can be recognised and dropped. `counts` gets what the strategy counts;
    `measured` are the ways that a pilot found for kinds of problems.
    """
    if isinstance(teacher, WorkedTeacher) and strategy.kind == "react":
        from potstill.teach.worked.agent import traces_with_tools

        return traces_with_tools(training, teacher, strategy, seed=seed, data=data, counts=counts)
    if isinstance(teacher, WorkedTeacher) and strategy.kind == "strategies":
        from potstill.teach.strategies.strategies import assigned_ways, choosing

        asking = choosing("", strategy, data, seed, assigned_ways(strategy, measured or {}))
        return traces_by_way(training, teacher, strategy.samples, asking.named, seed)
    return _TRACES[teacher.kind](teacher, training, held_out, strategy=strategy, seed=seed, data=data)


def worked_traces(problem: Problem, teacher: WorkedTeacher, *, samples: int, seed: int) -> Iterator[Trace]:
    """Yield `samples` worked solutions of a problem of potstill's own families.

    Raises TeacherError for any other problem.
    """
    from potstill.teach.worked import solve

    # The name under which the rate was first kept: a trace's key, and so the order of examples, hangs on it.
    settings = {"seed": seed, "slip_rate": teacher.error_rate, "style": teacher.style}
    sampling = json.dumps(settings, sort_keys=True)
    for sample in range(samples):
        reasoning, answer, info = solve(problem, sample, seed, teacher.error_rate, teacher.style)
        yield Trace(
            problem_key=problem.key,
            teacher="worked",
            strategy=info["strategy"],
            prompt_key="",
            sample=sample,
            attempt=0,
            sampling=sampling,
            reasoning=reasoning,
            answer=answer,
            finish="stop",
            source=problem.source,
        )


def traces_by_way(
    problems: Iterable[Problem], teacher: WorkedTeacher, samples: int, way: Callable[[Problem, int], str], seed: int
) -> Iterator[Trace]:
    """Yield the worked solutions of problems, each sample by the way that is said of it.

    Raises TeacherError for a problem that cannot be solved so, see `worked.solve_by`.
    """
    from potstill.teach.worked import solve_by

    sampling = json.dumps({"seed": seed, "error_rate": teacher.error_rate}, sort_keys=True)
    for problem, sample in itertools.product(problems, range(samples)):
        name = way(problem, sample)
        reasoning, answer = solve_by(problem, sample, seed, teacher.error_rate, name)
        yield Trace(
            problem_key=problem.key, teacher="worked", strategy=f"strategies/{name}", prompt_key="", sample=sample,
            attempt=0, sampling=sampling, reasoning=reasoning, answer=answer, finish="stop", source=problem.source,
        )  # fmt: skip


def _worked(
    teacher: WorkedTeacher, training: Iterable[Problem], held_out: Iterable[Problem], *, strategy: Strategy, seed: int,
    data: Path,
) -> Iterator[Trace]:  # fmt: skip
    del held_out, data
    for problem in training:
        yield from worked_traces(problem, teacher, samples=strategy.samples, seed=seed)


def _dataset(
    teacher: DatasetTeacher, training: Iterable[Problem], held_out: Iterable[Problem], *, strategy: Strategy, seed: int,
    data: Path,
) -> Iterator[Trace]:  # fmt: skip
    from potstill.teach.dataset import ProblemIndex, read_traces

    del strategy, seed
    return read_traces(teacher, data, ProblemIndex(itertools.chain(held_out, training)))


def _solutions(
    teacher: SolutionsTeacher, training: Iterable[Problem], held_out: Iterable[Problem], *, strategy: Strategy,
    seed: int, data: Path,
) -> Iterator[Trace]:  # fmt: skip
    from potstill.teach.solutions import solution_trace

    del teacher, held_out, strategy, seed, data
    return (trace for problem in training if (trace := solution_trace(problem)) is not None)


_TRACES: dict[str, Callable[..., Iterator[Trace]]] = {
    "worked": _worked,
    "dataset": _dataset,
    "solutions": _solutions,
}
