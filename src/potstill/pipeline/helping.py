"""A process that works for a run which another one is at: `potstill work RUN`, and what a run starts beside itself."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.claims import SharedParts
from potstill.durable import read_record
from potstill.errors import PotstillError, StoreError
from potstill.pipeline import outputs
from potstill.pipeline.parts import JOB, MAPS, versions
from potstill.pipeline.stage import Given, Map, Stage
from potstill.pipeline.stages import stages_of
from potstill.recipe_file import load
from potstill.store import SCRATCH, Committed, Run, output_name

IDLE = 0.1
"""Seconds between two looks for work."""


@dataclass(frozen=True, kw_only=True)
class MapUnderWay:
    """A map that a run is at: its folder, and what stands in `job.json`."""

    folder: Path
    about: Mapping[str, Any]

    @property
    def stage(self) -> Path:
        """The folder of its stage."""
        return self.folder.parent.parent.parent


def jobs(run: Run) -> Iterator[MapUnderWay]:
    """Yield the maps that the run is at now."""
    for path in sorted(run.stages.glob(f"*.partial/{SCRATCH}/{MAPS}/*/{JOB}")):
        if about := read_record(path):
            yield MapUnderWay(folder=path.parent, about=about)


@dataclass
class Helper:
    """A process that works for a run which another one is at: it takes parts until that one has no more.

    `until` says when to stop for another reason.
    """

    run: Run
    without_sandbox: bool = False
    until: Callable[[], bool] = lambda: False
    done: int = 0

    def __post_init__(self) -> None:
        self._maps: dict[Path, Mapping[str, Map]] = {}

    def work(self) -> int:
        """Take parts as long as a process is at the run; return how many were made."""
        while not self.until() and (self._round() or self.run.is_busy()):
            time.sleep(IDLE)
        return self.done

    def _round(self) -> bool:
        """Do what can be done now; return whether there was anything."""
        before = self.done
        for job in jobs(self.run):
            maps = self._maps_of(job)
            parts = SharedParts(job.folder, int(job.about["count"]))
            for number in parts.missing() if job.folder.name in maps else ():
                if self.until() or not (job.folder / JOB).exists():
                    break
                # A stage that was committed meanwhile takes its scratch folder with it.
                with contextlib.suppress(FileNotFoundError, StoreError):
                    if not (job.folder / f"{number:05d}.part").exists() and parts.claim(number):
                        parts.commit(number, maps[job.folder.name](number))
                        self.done += 1
        return self.done > before

    def _maps_of(self, job: MapUnderWay) -> Mapping[str, Map]:
        """Return how the parts of a job's stage are made; nothing where it is none of this run's own."""
        if job.stage not in self._maps:
            self._refuse(job)
            self._maps[job.stage] = self._found(job)
        return self._maps[job.stage]

    def _refuse(self, job: MapUnderWay) -> None:
        if not os.access(job.folder, os.W_OK):
            raise PotstillError(
                f"{self.run.path} cannot be written by this process: mount its folder for writing, or work elsewhere"
            )
        theirs, ours = dict(job.about["versions"]), versions()
        if theirs != ours:
            apart = ", ".join(
                f"{name} {theirs.get(name, 'none')} there and {ours.get(name, 'none')} here"
                for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)
            )  # fmt: skip
            raise PotstillError(f"{self.run.path} is run by another version: {apart}: install the same to work for it")
        if bool(job.about["without_sandbox"]) != self.without_sandbox:
            told = "without" if job.about["without_sandbox"] else "with"
            raise PotstillError(f"{self.run.path} is run {told} the sandbox: start this process the same way")

    def _found(self, job: MapUnderWay) -> Mapping[str, Map]:
        recipe = load(str(self.run.path / "recipe.yaml"))
        stages = stages_of(recipe)
        there = outputs(self.run, stages)
        for stage in stages:
            if stage.maps is None or not all(name in there for name in stage.needs):
                continue
            if f"{output_name(stage.kind, stage.fingerprint(there))}.partial" == job.stage.name:
                return stage.maps(self._given(stage, there), job.stage / SCRATCH)
        return {}

    def _given(self, stage: Stage, there: Mapping[str, Committed]) -> Given:
        return Given(
            recipe=stage.recipe, run=self.run, inputs={role: there[name] for role, name in stage.inputs.items()},
            without_sandbox=self.without_sandbox,
        )  # fmt: skip
