"""The traces of a run as a data set for others: `potstill export`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from potstill.errors import DataError, PotstillError
from potstill.export.traces import Row, marked, write_traces
from potstill.progress import Progress
from potstill.records import Example, Group, Problem, Trace, Verdict
from potstill.store import Committed, Run

ANSWERED = ("stop", "length")
"""How traces end that have something in them."""


def export_traces(run: Path, shape: str, out: Path, *, kept: bool) -> str:
    """Write a run's traces to `out` in a published shape and return one line that counts them; see `write_traces`.

    Only those of training problems: a data set with held-out problems would spoil them for whoever trains on it. With
    `kept` only those that became examples. Refused and failed requests have nothing to write, and a trace that holds
    marks of thinking of its own cannot be written so that it is read back.

    Raises:
        PotstillError: the run has no judged traces yet (or no examples), or `out` is a folder.
        RecipeError, StoreError: see `write_traces`.
    """
    if out.is_dir():
        raise PotstillError(f"--out {out} is a folder: name a file in it")
    problems, traces, verdicts = (_committed(run, name) for name in ("problems", "traces", "verdicts"))
    training = {problem.key: problem for problem in problems.rows("train", Problem)}
    groups = {group.problem_key: group for group in verdicts.rows("groups", Group)}
    wanted = {e.trace_key for e in _committed(run, "examples").rows("examples", Example)} if kept else None
    left: Counter[str] = Counter()
    progress = Progress("export", traces.total("traces"), "traces")

    def rows() -> Iterator[Row]:
        judged = zip(traces.rows("traces", Trace), verdicts.rows("verdicts", Verdict), strict=True)
        for trace, verdict in progress.track(judged):
            problem = training.get(trace.problem_key)
            if problem is None:
                left["of no training problem"] += 1
            elif trace.finish not in ANSWERED:
                left[trace.finish] += 1
            elif wanted is not None and trace.key not in wanted:
                left["dropped by curation"] += 1
            elif not _can_be_marked(trace):
                left["with marks of thinking"] += 1
            else:
                group = groups[trace.problem_key]
                by = replace(problem, gold=group.majority) if group.gold_source == "majority" else problem
                yield by, trace, verdict, group.gold_source

    lines = write_traces(rows(), shape, out)
    progress.close()
    told = "".join(f", {number:,} {reason} left out" for reason, number in sorted(left.items()))
    return f"{progress.done - left.total():,} traces in {lines:,} lines{told}; written to {out}"


def _can_be_marked(trace: Trace) -> bool:
    try:
        marked(trace, "think")
    except DataError:
        return False
    return True


def _committed(run: Path, stage: str) -> Committed:
    if not run.is_dir():
        raise PotstillError(f"there is no run folder {run}")
    committed = Run(run).committed(stage)
    if committed is None:
        raise PotstillError(f"{run} has no finished stage {stage}: run it first")
    return committed
