"""New verdicts on the traces that a run has: what changed, and why. Nobody is asked for a trace again."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.errors import PotstillError
from potstill.pipeline import StageState, run_stage, statuses
from potstill.pipeline.differences import differences
from potstill.pipeline.stage import Given, Stage
from potstill.pipeline.stages import stages_of
from potstill.recipe_file import load
from potstill.records import Problem, Trace, Verdict
from potstill.store import Committed, Run
from potstill.verify.table import TABLE, VerdictTable

KIND = "verdicts"
SAID = ("outcome", "cause", "check", "extracted")
"""What of a verdict is compared; the reason of the same verdict may be worded otherwise."""
SHOWN = 3
"""Changed verdicts that are printed, of each kind of change."""
LONGEST = 80
"""Characters of a reason that are printed."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A trace whose verdict is another now."""

    trace: Trace
    problem: Problem | None
    before: Verdict
    after: Verdict
    because: tuple[str, ...]
    """The changed settings that its judging looked at; all of them where that is not known."""

    @property
    def kind(self) -> str:
        """Such as `wrong -> right`."""
        return f"{_outcome(self.before)} -> {_outcome(self.after)}"

    def row(self, name: str) -> dict[str, Any]:
        """Return the change as a row of a file; `name` is that of the verdicts."""
        sides = {"before": self.before, "after": self.after}
        return {
            "verdicts": name, "problem": self.problem.id if self.problem else self.trace.problem_key,
            "sample": self.trace.sample, "trace": self.trace.key, "gold": self.problem.gold if self.problem else None,
            "because": list(self.because),
            **{side: {key: getattr(verdict, key) for key in (*SAID, "method", "reason", "answer_form", "gold_form")}
               for side, verdict in sides.items()},
        }  # fmt: skip

    def __str__(self) -> str:
        gold = "no gold" if self.problem is None or self.problem.gold is None else f"gold {self.problem.gold}"
        said = self.after.extracted if self.after.extracted is not None else "no answer"
        name = self.problem.id if self.problem else self.trace.problem_key
        reason = f" ({self.after.reason[:LONGEST]})" if self.after.reason else ""
        told = f"  {name}, sample {self.trace.sample}: {self.kind}: {said[:LONGEST]} for {gold[:LONGEST]}"
        return f"{told}{reason}: {'; '.join(self.because)}"


def reverify(
    folder: Path, sets: Sequence[str] = (), *, without_sandbox: bool = False
) -> Iterator[tuple[str, str, list[Change]]]:
    """Judge the stored traces of a run as its recipe with `sets` says; yield (name, a line, the changes) for each set.

    The run itself stays as it is; a run with the same settings finds these verdicts made. Only rows whose judging
    looked at what is changed are judged anew, see `verify.consulted`; the others are taken from the run's table.

    Raises:
        PotstillError: no run; traces that the settings would ask for anew, or that are not there.
        BusyError: another process works on the folder.
    """
    if not (folder / "recipe.yaml").is_file():
        raise PotstillError(f"{folder} is no run folder: it has no recipe.yaml")
    run, recipe = Run(folder), load(str(folder / "recipe.yaml"), sets)
    stages = stages_of(recipe)
    states = {status.stage.name: status for status in statuses(run, stages)}
    judged = [stage for stage in stages if stage.kind == KIND]
    for stage in judged:
        for name in stage.needs:
            if states[name].state is not StageState.DONE:
                why = f" ({states[name].why})" if states[name].why else ""
                raise PotstillError(
                    f"{folder}: {name} is {states[name].state}{why}, and here nothing is asked: change keys of checks "
                    "alone, or run it first"
                )
    try:
        run.lock()
        for stage in judged:
            before = run.committed(stage.name)
            if before is None:
                raise PotstillError(f"{folder} has no verdicts yet: run it first")
            kept = _kept(run)
            after, _ = run_stage(run, stages, stage, again=False, without_sandbox=without_sandbox, go_on=True)
            changed = _why(stage, before)
            changes = list(_changes(run, stage, before, after, changed))
            yield stage.name, _line(stage, before, after, changes, changed, _kept(run) - kept), changes
    finally:
        run.unlock()


def _kept(run: Run) -> int:
    """Return how many verdicts the run's table has."""
    path = run.ledger / TABLE
    if not path.exists():
        return 0
    with VerdictTable(path, only_reads=True) as table:
        return len(table)


def _why(stage: Stage, before: Committed) -> list[str]:
    """Return what is changed since the verdicts of before, as `checks.policy.percent (ignore -> strict)`."""
    why = differences(before.manifest["settings"], dict(stage.settings))
    version = before.manifest["version"]
    return why if version == stage.version else [f"stage version {version} -> {stage.version}", *why]


def _changes(run: Run, stage: Stage, before: Committed, after: Committed, why: Sequence[str]) -> Iterator[Change]:
    """Yield the traces with another verdict, in the order of the traces."""
    if after.path == before.path:
        return
    traces, source = run.committed(stage.inputs["traces"]), run.committed(stage.inputs["problems"])
    if traces is None or source is None:
        raise PotstillError(f"{run.path} lost its traces while they were judged: run it again")
    old = {verdict.trace_key: verdict for verdict in before.rows("verdicts", Verdict)}
    found = [
        (trace, old[trace.key], verdict)
        for trace, verdict in zip(traces.rows("traces", Trace), after.rows("verdicts", Verdict), strict=True)
        if trace.key in old and any(getattr(old[trace.key], key) != getattr(verdict, key) for key in SAID)
    ]
    wanted = {trace.problem_key for trace, _, _ in found}
    known = {
        problem.key: problem
        for table in ("train", "evaluation") for problem in source.rows(table, Problem) if problem.key in wanted
    }  # fmt: skip
    given = Given(recipe=stage.recipe, run=run, inputs={"problems": source, "traces": traces})
    with given.verdicts(only_reads=True) as judging:
        for trace, was, verdict in found:
            problem = known.get(trace.problem_key)
            read = judging.consulted(problem, trace) if problem is not None else ()
            because = tuple(line for line in why if any(line.startswith(f"checks.{part}") for part in read))
            yield Change(trace=trace, problem=problem, before=was, after=verdict, because=because or tuple(why))


def _line(
    stage: Stage, before: Committed, after: Committed, changes: Sequence[Change], why: Sequence[str], anew: int
) -> str:
    """Return what changed in one line, with the settings behind it."""
    total = after.total("verdicts")
    if after.path == before.path:
        return f"{stage.name}: {total:,} verdicts, made with these very settings: nothing to judge anew"
    kinds = Counter(change.kind for change in changes)
    told = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items(), key=lambda item: -item[1]))
    changed = f"{len(changes):,} changed{f' ({told})' if told else ''}"
    return f"{stage.name}: {total:,} verdicts, {anew:,} judged anew, {changed}: {'; '.join(why)}"


def shown(changes: Sequence[Change]) -> list[str]:
    """Return the first changes of each kind as lines."""
    seen: Counter[str] = Counter()
    lines = []
    for change in changes:
        seen[change.kind] += 1
        if seen[change.kind] <= SHOWN:
            lines.append(str(change))
    return lines


def _outcome(verdict: Verdict) -> str:
    return f"{verdict.outcome}, {verdict.cause}" if verdict.cause else str(verdict.outcome)


def print_changes(folder: Path, sets: Sequence[str], out: Path | None, *, without_sandbox: bool) -> None:
    """Judge anew, print each line with the first changes, and write all of them to `out`, a row each."""
    from potstill.pipeline.files import write_rows

    found = list(reverify(folder, sets, without_sandbox=without_sandbox))
    for _, line, changes in found:
        print("\n".join([line, *shown(changes)]))
    if out is not None:
        rows = (change.row(name) for name, _, changes in found for change in changes)
        count = write_rows(out, rows, str(folder), "reverify")
        print(f"{count:,} changes written to {out}", file=sys.stderr)
