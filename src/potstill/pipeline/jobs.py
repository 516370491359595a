"""Maps that a run is at, as other processes are told of them: by its folder here, by a store in `fetching`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from potstill.bucket import ObjectStore
from potstill.claims import SharedParts
from potstill.durable import read_record
from potstill.errors import PotstillError
from potstill.pipeline import outputs
from potstill.pipeline.parts import JOB, MAPS, parts_in
from potstill.pipeline.stage import Given, Map, Stage
from potstill.pipeline.stages import stages_of
from potstill.recipe_file import load
from potstill.store import SCRATCH, Committed, Run, output_name


@dataclass(frozen=True, kw_only=True)
class MapUnderWay:
    """A map that a run is at: the folder of its parts, as this process has it, and what the run says of it."""

    folder: Path
    about: Mapping[str, Any]

    @property
    def stage(self) -> Path:
        """The folder of its stage."""
        return self.folder.parent.parent.parent

    @property
    def what(self) -> str:
        """The name of the map."""
        return self.folder.name


class Place(Protocol):
    """Where a run says what it wants done: its folder, or an object store."""

    name: str
    idle: float
    """Seconds between two looks for work."""

    def is_busy(self) -> bool:
        """Return whether a process is at the run."""

    def jobs(self) -> Iterable[MapUnderWay]:
        """Return the maps that the run is at now."""

    def wants(self, job: MapUnderWay) -> bool:
        """Return whether the run is at a map still."""

    def parts(self, job: MapUnderWay) -> SharedParts:
        """Return the parts of a map."""

    def maps(self, job: MapUnderWay, *, without_sandbox: bool) -> Mapping[str, Map]:
        """Return how the parts of a job's stage are made; nothing where it is none of this run's own."""


class FolderPlace:
    """The folder of a run, on a file system that this process sees too."""

    idle = 0.1

    def __init__(self, run: Run) -> None:
        self.run, self.name = run, str(run.path)

    def is_busy(self) -> bool:
        """Return whether a process is at the run."""
        return self.run.is_busy()

    def jobs(self) -> Iterator[MapUnderWay]:
        """Yield the maps that the run is at now."""
        for path in sorted(self.run.stages.glob(f"*.partial/{SCRATCH}/{MAPS}/*/{JOB}")):
            if about := read_record(path):
                yield MapUnderWay(folder=path.parent, about=about)

    def wants(self, job: MapUnderWay) -> bool:
        """Return whether the run is at a map still."""
        return (job.folder / JOB).exists()

    def parts(self, job: MapUnderWay) -> SharedParts:
        """Return the parts of a map: in its folder, or where its run says."""
        return parts_in(self._bucket(job), job.folder, int(job.about["count"]))

    def maps(self, job: MapUnderWay, *, without_sandbox: bool) -> Mapping[str, Map]:
        """Return how the parts of a job's stage are made; nothing where it is none of this run's own."""
        if not os.access(job.folder, os.W_OK):
            raise PotstillError(
                f"{self.name} cannot be written by this process: mount its folder for writing, or work elsewhere"
            )
        stages = stages_of(load(str(self.run.path / "recipe.yaml")))
        there = outputs(self.run, stages)
        for stage in stages:
            if stage.maps is None or not all(name in there for name in stage.needs):
                continue
            if f"{output_name(stage.kind, stage.fingerprint(there))}.partial" == job.stage.name:
                return stage.maps(self._given(stage, there, job, without_sandbox), job.stage / SCRATCH)
        return {}

    def _given(
        self, stage: Stage, there: Mapping[str, Committed], job: MapUnderWay, without_sandbox: bool
    ) -> Given:  # fmt: skip
        return Given(
            recipe=stage.recipe, run=self.run, inputs={role: there[name] for role, name in stage.inputs.items()},
            without_sandbox=without_sandbox, bucket=self._bucket(job),
        )  # fmt: skip

    def _bucket(self, job: MapUnderWay) -> ObjectStore | None:
        address = job.about.get("store")
        return None if address is None else ObjectStore(str(address))
