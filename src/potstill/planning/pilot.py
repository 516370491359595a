"""A pilot: a few problems asked as the recipe says, through the run's own ledger, so that the run asks them no more.

What it finds stands for all problems by a bootstrap over problems: their samples, retries after truncation and rounds
of `stop_at_right` were asked as they will be, so they are in it. Lengths have heavy tails, and a percentile bootstrap
of two dozen values covers too little: its interval is widened by `1 + 6 / n`, with which the 80% interval of 24
problems held the truth in 81 to 93 of 100 resamples of real lengths (docs/log.md).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from potstill.errors import PotstillError
from potstill.graph import SetNode, graph_of
from potstill.models.flops import Account
from potstill.pipeline import naming, outputs, settings
from potstill.pipeline import run as run_recipe
from potstill.pipeline.checks import check_recipe
from potstill.pipeline.stage import Context, Stage
from potstill.pipeline.stages import stages_of
from potstill.planning.figures import Figure, product
from potstill.planning.sets import PilotFound, Requests
from potstill.planning.texts import Lengths, TextTokens, interval, mean_of, tokens_of
from potstill.recipe import LocalTeacher, Recipe, ServedTeacher
from potstill.records import Problem, Trace, content_key
from potstill.store import Run

TAIL = 0.1
MORE_AT_ONCE = 40.0
"""How many times as fast a server may be when it is asked everything, and not a few problems."""

Noted = dict[str, Any]
"""What a pilot noted of a set: the key of its settings, seconds, and a list by problem of samples: tokens read and
written, whether it was right, tokens of its texts."""


def ask(recipe: Recipe, folder: Run, count: int, *, without_sandbox: bool = False) -> dict[str, Noted]:
    """Ask every teacher that is not done `count` problems; return what was found, by the name of the traces.

    The problems are read and committed first, as the run would. Which ones are asked hangs on their content alone.

    Raises:
        PotstillError: as a run of the stages `problems` and `traces` raises; what was answered is kept.
    """
    check_recipe(recipe, {"problems", "traces"}, online=True, without_sandbox=without_sandbox)
    run_recipe(recipe, folder, only=naming.PROBLEMS, without_sandbox=without_sandbox)
    graph, stages = graph_of(recipe), {stage.name: stage for stage in stages_of(recipe)}
    found = {}
    folder.lock()
    try:
        for node in graph.sets.values():
            name = naming.traces(node, graph)
            wanted = node.traces_of == node.name and isinstance(node.recipe.teacher, ServedTeacher | LocalTeacher)
            done = outputs(folder, list(stages.values()))
            if wanted and name not in done:
                found[name] = _asked(node, stages[name], folder, count, without_sandbox=without_sandbox)
    finally:
        folder.unlock()
    if not found:
        raise PotstillError("--pilot: no set of this recipe has a teacher that is still to be asked: plan without it")
    return found


def _asked(node: SetNode, stage: Stage, folder: Run, count: int, *, without_sandbox: bool) -> Noted:
    from potstill.pipeline.teaching import Pilot, asked_traces

    teacher = node.recipe.teacher
    assert isinstance(teacher, ServedTeacher | LocalTeacher)  # noqa: S101 - `ask` looked
    problems_done = folder.committed(naming.PROBLEMS)
    assert problems_done is not None  # noqa: S101 - it was just made
    chosen = sorted(problems_done.rows("train", Problem), key=lambda problem: content_key("pilot", problem.key))[:count]
    done = {naming.PROBLEMS: problems_done}
    work = folder.begin(stage.kind, stage.fingerprint(done), stage.about(done))
    context = Context(
        recipe=node.recipe, run=folder, work=work, inputs=done, counted={}, without_sandbox=without_sandbox
    )
    pilot = Pilot(chosen, Account(None))
    began = time.monotonic()
    samples: dict[str, list[list[float]]] = {problem.key: [] for problem in chosen}
    asked: list[tuple[Problem, Trace, int, int]] = []
    by_key = {problem.key: problem for problem in chosen}
    read = written = 0
    for trace in asked_traces(context, teacher, None, {}, pilot):
        spent = pilot.account.prompt_tokens - read, pilot.account.completion_tokens - written
        read, written = pilot.account.prompt_tokens, pilot.account.completion_tokens
        asked.append((by_key[trace.problem_key], trace, *spent))
    seconds = time.monotonic() - began
    with context.verdicts() as verdicts:
        judged = verdicts.many((problem, trace) for problem, trace, _, _ in asked)
        for (problem, trace, read, written), verdict in zip(asked, judged, strict=True):
            texts = [round(tokens_of(text), 1) for text in (problem.statement, trace.reasoning, trace.answer)]
            right = verdict.outcome == "right" and trace.finish == "stop"
            samples[problem.key].append([read, written, float(right), *texts])
    print(f"pilot: {len(chosen)} problems asked in {seconds:.0f}s", file=sys.stderr)
    return {"key": key_of(node.recipe), "seconds": round(seconds, 3), "problems": [samples[p.key] for p in chosen]}


def key_of(recipe: Recipe) -> str:
    """Return a key of what a teacher is asked: a pilot of other settings says nothing."""
    return content_key("pilot", settings.of_traces(recipe))


def found_of(noted: Mapping[str, Any], node: SetNode, problems: Figure | None) -> PilotFound | None:
    """Return what a pilot says of all `problems` of a set; None where it asked otherwise, or nothing was answered."""
    if noted.get("key") != key_of(node.recipe) or problems is None:
        return None
    asked: list[list[list[float]]] = noted["problems"]
    traces = [sample for problem in asked for sample in problem]
    if not traces:
        return None
    n = len(asked)
    requests, read, written, right = (list(_sums(asked, column)) for column in (None, 0, 1, 2))
    seconds = float(noted["seconds"]) / n
    served = isinstance(node.recipe.teacher, ServedTeacher)
    pace = Figure(
        value=seconds / (4 if served else 1), low=seconds / (MORE_AT_ONCE if served else 1.25), high=seconds * 1.25,
        basis="measured", how="",
    )  # fmt: skip
    of = f"a pilot of {n} problems"
    kept = [sample for sample in traces if sample[2]]
    share = _mean(right, of).times(1 / mean_of(requests)) if kept else _mean([0.0], of)
    return PilotFound(
        asked=Requests(
            requests=product(of, problems, _mean(requests, of)), read=product(of, problems, _mean(read, of)),
            written=product(of, problems, _mean(written, of)),
            seconds=product(f"{of}, of which a server is asked few at a time", problems, pace),
        ),
        kept=share.at_most(1.0),
        lengths=Lengths(texts=[TextTokens(*sample[3:6]) for sample in kept], basis="measured", of=of) if kept else None,
    )  # fmt: skip


def _sums(asked: Sequence[Sequence[Sequence[float]]], column: int | None) -> Iterator[float]:
    """Yield the sum of a column over the samples of each problem, their number without one."""
    for samples in asked:
        yield float(len(samples)) if column is None else sum(sample[column] for sample in samples)


def _mean(values: Sequence[float], how: str) -> Figure:
    """Return the mean of values with the widened 80% interval of a bootstrap."""
    centre = mean_of(values)
    low, high = interval(values, TAIL)
    wider = 1 + 6 / len(values)
    return Figure(
        value=centre, low=max(0.0, centre - (centre - low) * wider), high=centre + (high - centre) * wider,
        basis="measured", how=how,
    )  # fmt: skip
