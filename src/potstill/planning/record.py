"""What of a plan is kept beside its run: its figures, to be compared with what happens, and what was measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Any

from potstill.graph import graph_of
from potstill.hardware import processors
from potstill.pipeline import naming
from potstill.pipeline.planned import read_plan, write_plan
from potstill.planning import pilot
from potstill.planning.making import Measured, RunPlan
from potstill.planning.sets import Gathered, PilotFound
from potstill.planning.timing import read
from potstill.recipe import Recipe
from potstill.store import Run

KEPT = ("tokens", "seconds", "peak", "disk", "dollars")


def measured_before(recipe: Recipe, folder: Run, noted: Mapping[str, Any] | None = None) -> Measured:
    """Return what earlier pilots and probes of a run found, and what was `noted` just now.

    Probes of another machine, or with another number of threads, are left out.
    """
    record = {**read_plan(folder.path), **(noted or {})}
    graph = graph_of(recipe)
    pilots: dict[str, PilotFound] = {}
    gathered = Gathered(recipe=recipe, graph=graph)
    for node in graph.sets.values():
        name = naming.traces(node, graph)
        before = (record.get("pilots") or {}).get(name)
        if before is not None and node.traces_of == node.name:
            found = pilot.found_of(before, node, _problems(folder, gathered))
            if found is not None:
                pilots[name] = found
    timed = record.get("probes") or {}
    return Measured(pilots=pilots, timings=read(timed.get("timings", {})) if timed.get("machine") == machine() else {})


def _problems(folder: Run, gathered: Gathered) -> Any:  # noqa: ANN401 - a figure or None
    committed = folder.committed(naming.PROBLEMS)
    if committed is not None:
        gathered.done = {naming.PROBLEMS: committed}
    return gathered.training


def machine() -> list[str | int]:
    """Return what decides how fast this machine is, as far as it can be told."""
    return [platform.node(), platform.machine(), processors(), os.environ.get("OMP_NUM_THREADS", "")]


def keep(plan: RunPlan, folder: Run, noted: Mapping[str, Any] | None = None) -> None:
    """Write a plan beside its run. Of a stage that is done, what was planned before it was begun stays."""
    before = read_plan(folder.path)
    stages = dict(before.get("stages") or {})
    for stage in plan.stages:
        if stage.done:
            continue
        figures = {what: getattr(stage, what) for what in KEPT}
        stages[stage.name] = {
            what: [each.value, each.low, each.high, each.basis] for what, each in figures.items() if each is not None
        }
    kept = {key: value for key, value in before.items() if key in ("pilots", "probes")}
    write_plan(folder.path, {**kept, **(noted or {}), "stages": stages, "for": plan.machine.name})
