"""run(recipe): the stages in order, skipped where sealed; the only place that wires them."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from potstill.errors import PotstillError, StaleError, StoreError, nearest
from potstill.models.memory import release_memory
from potstill.pipeline.checks import check_recipe
from potstill.pipeline.differences import differences
from potstill.pipeline.stages import Context, Stage, stages_of
from potstill.progress import clock
from potstill.recipe import Recipe
from potstill.recipe_file import written
from potstill.records import content_key
from potstill.store import Run, Sealed, refusal

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
)
REPORT_FILES = ("report.html", "report.json", "table.txt")
"""Copied to the top of the run folder, where people look."""
State = Literal["done", "stale", "follows", "under way", "missing"]


@dataclass(frozen=True)
class Standing:
    """Where one stage stands: `why` names the setting or the stage behind it; `seconds` is what it cost."""

    stage: Stage
    state: State
    why: str
    seconds: float
    fingerprint: str | None


def standings(run: Run, stages: Sequence[Stage]) -> list[Standing]:
    """Compare every stage with what is sealed, in order; reads manifests only."""
    found: dict[str, Standing] = {}
    digests: dict[str, str] = {}
    under_way = set(run.under_way())
    for stage in stages:
        sealed = run.sealed(stage.name)
        open_inputs = [name for name in stage.inputs if name not in digests]
        fingerprint = None if open_inputs else fingerprint_of(stage, {name: digests[name] for name in stage.inputs})
        seconds = float(sealed.clock.get("seconds", 0.0)) if sealed else 0.0
        state: State
        if sealed is None:
            state, why = ("under way", "was begun") if stage.name in under_way else ("missing", "")
        elif changed := _changes(stage, sealed):
            state, why = "stale", changed[0]
        elif open_inputs:
            state, why = "follows", f"follows {open_inputs[0]}"
        elif fingerprint != sealed.fingerprint:
            state, why = "stale", _changed_inputs(sealed, stage, digests)
        else:
            state, why = "done", ""
            digests[stage.name] = sealed.digest
        found[stage.name] = Standing(stage, state, why, seconds, fingerprint)
    return list(found.values())


def fingerprint_of(stage: Stage, inputs: Mapping[str, str]) -> str:
    """Key of everything a stage's output depends on."""
    return content_key("stage", stage.name, stage.version, stage.settings, dict(inputs))


def _changes(stage: Stage, sealed: Sealed) -> list[str]:
    if sealed.manifest["version"] != stage.version:
        return [f"stage version {sealed.manifest['version']} -> {stage.version}"]
    return differences(sealed.manifest["settings"], stage.settings)


def _changed_inputs(sealed: Sealed, stage: Stage, digests: Mapping[str, str]) -> str:
    """Name the inputs that were redone, came or went; the settings are the same."""
    old, new = sealed.manifest["inputs"], {name: digests[name] for name in stage.inputs}
    return f"changed input {', '.join(name for name in {**new, **old} if old.get(name) != new.get(name))}"


def run(
    recipe: Recipe, folder: Run, *, only: str | None = None, redo: bool = False, without_sandbox: bool = False,
    go_on: bool = False,
) -> None:  # fmt: skip
    """Run every stage that is not sealed; `only` runs that one alone.

    `without_sandbox` lets programs run where nothing isolates them. Whatever can be known about the stages that are
    still to be done is told before the first of them. With `go_on` a run that has spent `spend_at_most` goes on with
    what was answered, and says how much was not asked.

    Raises:
        PotstillError: see `checks.check_recipe`; nothing is begun.
        BusyError: another process works on the folder.
        StaleError: sealed stages would be redone and `redo` is false.
    """
    stages = stages_of(recipe)
    names = [stage.name for stage in stages]
    if only is not None and only not in names:
        raise PotstillError(f"no stage {only!r} in this recipe{nearest(only, names)}")
    pending = {s.stage.name for s in standings(folder, stages) if s.state != "done" or (redo and only)}
    pending = pending if only is None else pending & {only}
    check_recipe(recipe, pending, online=True, without_sandbox=without_sandbox)
    try:
        folder.lock()
        before = standings(folder, stages)
        if not redo:
            refuse_to_redo(before, only)
        folder.write("recipe.yaml", written(recipe).encode())
        for stage in stages:
            if only in (None, stage.name):
                _run_stage(
                    recipe,
                    folder,
                    stages,
                    stage,
                    again=redo and only is not None,
                    without_sandbox=without_sandbox,
                    go_on=go_on,
                )
        _show_report(folder)
    finally:
        folder.unlock()


def _show_report(folder: Run) -> None:
    """Copy a sealed report to where people look; also one that a killed process sealed and had no time to copy."""
    sealed = folder.sealed("report")
    if sealed is None:
        return
    for name in REPORT_FILES:
        data, shown = sealed.read(name), folder.path / name
        if not shown.exists() or shown.read_bytes() != data:
            folder.write(name, data)


def refuse_to_redo(before: Sequence[Standing], only: str | None) -> None:
    """Stop with one line where sealed work would be done again."""
    changed = [s for s in before if s.state == "stale" and only in (None, s.stage.name)]
    if not changed:
        return
    affected = [s for s in before if s.state in ("stale", "follows") and only in (None, s.stage.name)]
    cost = ", ".join(f"{s.stage.name} ({clock(s.seconds)})" for s in affected)
    reasons = "; ".join(dict.fromkeys(s.why for s in changed))
    raise StaleError(f"{reasons}: this would redo {cost}; continue with --redo, or keep both with another --out")


def _run_stage(
    recipe: Recipe, folder: Run, stages: Sequence[Stage], stage: Stage, *, again: bool, without_sandbox: bool,
    go_on: bool,
) -> None:  # fmt: skip
    standing = next(s for s in standings(folder, stages) if s.stage.name == stage.name)
    if standing.state == "done" and not again:
        return
    if standing.fingerprint is None:
        open_inputs = [s.stage.name for s in standings(folder, stages) if s.state != "done"]
        needed = [name for name in stage.inputs if name in open_inputs]
        raise PotstillError(f"stage {stage.name} needs {', '.join(needed)} first: run without --stage, or those before")
    inputs = {name: sealed for name in stage.inputs if (sealed := folder.sealed(name)) is not None}
    about = {
        "version": stage.version,
        "settings": stage.settings,
        "inputs": {name: sealed.digest for name, sealed in inputs.items()},
    }
    release_memory(collect=True)
    work = folder.begin(stage.name, standing.fingerprint, about)
    try:
        counts = stage.work(Context(recipe, folder, work, inputs, without_sandbox, go_on))
        work.seal(counts, {"finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "versions": versions()})
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
