"""run(recipe): the stages in order, skipped where their output is there already; the only place that wires them."""

from __future__ import annotations

import platform
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata

from potstill.durable import refusal
from potstill.errors import PotstillError, StaleError, StoreError, nearest
from potstill.events import noted_in
from potstill.executor.crew import reach
from potstill.models.local.memory import peak_memory, release_memory, reset_peak
from potstill.pipeline.checks import check_recipe
from potstill.pipeline.differences import differences
from potstill.pipeline.sharing import Sharing, sharing
from potstill.pipeline.stage import Context, Stage
from potstill.pipeline.stages import stages_of
from potstill.pipeline.tracking import Tracking
from potstill.progress import begin_stage, clock, end_stage, listening
from potstill.recipe import Recipe
from potstill.recipe_file import written
from potstill.store import Committed, Run

VERSIONED = (
    "potstill",
    "torch",
    "transformers",
    "tokenizers",
    "peft",
    "pyarrow",
    "reasoning-gym",
    "datasets",
    "aiohttp",
    "gguf",
    "xllamacpp",
    "onnxruntime-genai",
    "mlx-lm",
    "mlx",
    "openvino-genai",
    "openvino",
    "nncf",
)
REPORT_FILES = ("report.html", "report.json", "table.txt")
"""Copied to the top of the run folder, where people look."""


class StageState(StrEnum):
    """How far a stage is: `STALE` by its own settings or inputs, `FOLLOWS` a stage that is."""

    DONE = "done"
    STALE = "stale"
    FOLLOWS = "follows"
    UNDER_WAY = "under way"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class StageStatus:
    """Where one stage stands: `why` names the setting or the stage behind it; `seconds` is what it cost."""

    stage: Stage
    state: StageState
    why: str
    seconds: float
    fingerprint: str | None


def statuses(run: Run, stages: Sequence[Stage]) -> list[StageStatus]:
    """Compare every stage with what is committed, in order; reads manifests only."""
    return [status for status, _ in _compared(run, stages)]


def outputs(run: Run, stages: Sequence[Stage]) -> dict[str, Committed]:
    """Return the outputs that are there under today's fingerprints, by the names of their stages."""
    return {status.stage.name: committed for status, committed in _compared(run, stages) if committed is not None}


def _compared(run: Run, stages: Sequence[Stage]) -> list[tuple[StageStatus, Committed | None]]:
    """Return where each stage stands, with its output where that is there under today's fingerprint."""
    found: list[tuple[StageStatus, Committed | None]] = []
    done: dict[str, Committed] = {}
    for stage in stages:
        open_inputs = [name for name in stage.needs if name not in done]
        fingerprint = None if open_inputs else stage.fingerprint(done)
        committed = None if fingerprint is None else run.find(stage.kind, fingerprint)
        unasked = stage.unasked(committed) if committed is not None else ""
        if committed is not None and not unasked:
            done[stage.name] = committed
            found.append(
                (
                    StageStatus(
                        stage=stage, state=StageState.DONE, why="", seconds=_seconds(committed), fingerprint=fingerprint
                    ),
                    committed,
                )
            )
            continue
        state: StageState
        before = run.committed(stage.name)
        if fingerprint is not None and run.is_under_way(stage.kind, fingerprint):
            state, why = StageState.UNDER_WAY, "was begun"
        elif before is None:
            state, why = StageState.MISSING, ""
        elif unasked:
            state, why = StageState.STALE, unasked
        elif changed := _changes(stage, before):
            state, why = StageState.STALE, changed[0]
        elif open_inputs:
            state, why = StageState.FOLLOWS, f"follows {open_inputs[0]}"
        else:
            state, why = StageState.STALE, _changed_inputs(before, stage, done)
        found.append(
            (StageStatus(stage=stage, state=state, why=why, seconds=_seconds(before), fingerprint=fingerprint), None)
        )
    return found


def _seconds(committed: Committed | None) -> float:
    return float(committed.clock.get("seconds", 0.0)) if committed else 0.0


def _changes(stage: Stage, committed: Committed) -> list[str]:
    if committed.manifest["version"] != stage.version:
        return [f"stage version {committed.manifest['version']} -> {stage.version}"]
    return differences(committed.manifest["settings"], stage.settings)


def _changed_inputs(committed: Committed, stage: Stage, done: Mapping[str, Committed]) -> str:
    """Name the inputs that were redone, came or went; the settings are the same."""
    old, new = committed.manifest["inputs"], stage.about(done)["inputs"]
    changed = [stage.inputs.get(role, role) for role in {**new, **old} if old.get(role) != new.get(role)]
    return f"changed input {', '.join(changed or stage.counted.values())}"


def run(
    recipe: Recipe, folder: Run, *, only: str | None = None, until: str | None = None, redo: bool = False,
    without_sandbox: bool = False, go_on: bool = False, workers: int | None = None, store: str | None = None,
) -> None:  # fmt: skip
    """Run every stage that is not committed; `only` runs that one alone, `until` that one and all that it needs.

    `without_sandbox` lets programs run where nothing isolates them. Whatever can be known about the stages that are
    still to be done is told before the first of them. With `go_on` a run that has spent `spend_at_most` goes on with
    what was answered, and says how much was not asked. `workers` processes share what has many parts, by default one a
    processor, and with `store`, the address of an object store, those that see no more of the run than that.

    Raises:
        PotstillError: see `checks.check_recipe`; nothing is begun.
        BusyError: another process works on the folder.
        StaleError: committed stages would be redone and `redo` is false.
    """
    stages = stages_of(recipe)
    names = [stage.name for stage in stages]
    if only is not None and until is not None:
        raise PotstillError("--stage runs one stage alone, --until all that it needs too: give one of them")
    named = only or until
    if named is not None and named not in names:
        raise PotstillError(f"no stage {named!r} in this recipe{nearest(named, names)}")
    wanted = {only} if only is not None else _needed_for(until, stages) if until is not None else set(names)
    pending = [s.stage for s in statuses(folder, stages) if s.state is not StageState.DONE or (redo and only)]
    kinds = {stage.kind for stage in pending if stage.name in wanted}
    check_recipe(recipe, kinds, online=True, without_sandbox=without_sandbox)
    if recipe.executor.kind == "ray" and any(stage.maps for stage in pending if stage.name in wanted):
        reach(recipe.executor)
    try:
        folder.lock()
        if not redo:
            refuse_to_redo(statuses(folder, stages), wanted)
        text = written(recipe).encode()
        folder.write("recipe.yaml", text)
        with (
            sharing(store, text) as shared, noted_in(folder.path), Tracking(recipe, folder) as tracking,
            listening(tracking.heard),
        ):  # fmt: skip
            for number, stage in enumerate(stages, 1):
                if stage.name in wanted:
                    begin_stage(stage.name, number, len(stages))
                    again = redo and only is not None
                    committed, made = run_stage(
                        folder,
                        stages,
                        stage,
                        again=again,
                        without_sandbox=without_sandbox,
                        go_on=go_on,
                        workers=workers,
                        shared=shared,
                    )
                    folder.point(stage.name, committed)
                    end_stage(kept=not made)
                    tracking.committed(stage, committed)
        if named is None:
            for name in folder.names().keys() - set(names):
                folder.forget(name)
        _show_report(folder)
    finally:
        folder.unlock()


def _show_report(folder: Run) -> None:
    """Copy a report to where people look; also one that a killed process committed and had no time to copy."""
    committed = folder.committed("report")
    if committed is None:
        return
    for name in REPORT_FILES:
        data, shown = committed.read(name), folder.path / name
        if not shown.exists() or shown.read_bytes() != data:
            folder.write(name, data)


def _needed_for(name: str, stages: Sequence[Stage]) -> set[str]:
    """Return the names of a stage and of all that it needs, directly or not."""
    needs = {stage.name: stage.needs for stage in stages}
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += needs[one]
    return found


def refuse_to_redo(before: Sequence[StageStatus], wanted: Collection[str]) -> None:
    """Stop with one line where committed work would be done again."""
    changed = [s for s in before if s.state is StageState.STALE and s.stage.name in wanted]
    if not changed:
        return
    affected = [s for s in before if s.state in (StageState.STALE, StageState.FOLLOWS) and s.stage.name in wanted]
    cost = ", ".join(f"{s.stage.name} ({clock(s.seconds)})" for s in affected)
    reasons = "; ".join(dict.fromkeys(s.why for s in changed))
    raise StaleError(f"{reasons}: this would redo {cost}; continue with --redo, or keep both with another --out")


def run_stage(
    folder: Run, stages: Sequence[Stage], stage: Stage, *, again: bool, without_sandbox: bool, go_on: bool,
    workers: int | None = 1, shared: Sharing | None = None,
) -> tuple[Committed, bool]:  # fmt: skip
    """Return the output of a stage, and whether it was made now: where it was not there or is wanted `again`.

    The run keeps the output that it had under the stage's name until that is pointed to this one. The caller has the
    lock of the folder.
    """
    compared = {status.stage.name: (status, committed) for status, committed in _compared(folder, stages)}
    status, committed = compared[stage.name]
    if committed is not None and not again:
        return committed, False
    done = {name: found for name, (_, found) in compared.items() if found is not None}
    if status.fingerprint is None:
        needed = [name for name in stage.needs if name not in done]
        raise PotstillError(f"stage {stage.name} needs {', '.join(needed)} first: run without --stage, or those before")
    release_memory(collect=True)
    counted_anew = reset_peak()
    work = folder.begin(stage.kind, status.fingerprint, stage.about(done))
    inputs, counted = ({role: done[name] for role, name in named.items()} for named in (stage.inputs, stage.counted))
    context = Context(
        recipe=stage.recipe,
        run=folder,
        work=work,
        inputs=inputs,
        counted=counted,
        without_sandbox=without_sandbox,
        go_on=go_on,
        workers=workers,
        bucket=None if shared is None else shared.bucket,
        sharing=shared,
    )
    try:
        counts = stage.work(context)
        noted = {"finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "versions": versions()}
        peak = {"peak_bytes": peak_memory()} if counted_anew else {}
        return work.commit(counts, noted | peak), True
    except OSError as error:
        raise StoreError(f"stage {stage.name}: {refusal(error, work.path)}") from error


def versions() -> dict[str, str]:
    """Return the versions of what takes part, for the report."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for name in VERSIONED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
