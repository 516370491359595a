"""A run as a worker has it that does not see its folder: what parts are made from comes from an object store.

What is needed is copied to a temporary folder, in the names that it has in a run folder, file by file as it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from potstill.bucket import ObjectStore
from potstill.claims import SharedParts
from potstill.damage import digest, unsigned
from potstill.durable import write_durably
from potstill.errors import DamageError, PotstillError
from potstill.graph import graph_of
from potstill.pipeline.jobs import MapUnderWay
from potstill.pipeline.parts import MAPS, parts_in
from potstill.pipeline.sharing import BESIDE, RECIPES, RUN, STAGES, is_alive, state_of
from potstill.pipeline.stage import Given, Map
from potstill.pipeline.stages import STAGES as KINDS
from potstill.recipe_file import parse
from potstill.store import MANIFEST, SCRATCH, Committed, Run


@dataclass(frozen=True)
class FetchedOutput(Committed):
    """A finished stage whose tables are copied from a store as they are read.

    Reading raises FileNotFoundError where the run that put them there is over.
    """

    bucket: ObjectStore

    def read(self, name: str) -> bytes:
        """Return the bytes of a file that the stage wrote; DamageError where they are others now."""
        path = self.path / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, fetched(self.bucket, f"{STAGES}/{self.path.name}/{name}"))
        return super().read(name)


class BucketPlace:
    """Where a run shares its parts with `--store`."""

    idle = 1.0

    def __init__(self, bucket: ObjectStore, folder: Path) -> None:
        self.bucket, self.name = bucket, bucket.address
        self.run = Run(folder)

    def is_busy(self) -> bool:
        """Return whether a process is at the run."""
        found = self.bucket.get(RUN)
        return found is not None and is_alive(found, self.bucket)

    def jobs(self) -> Iterator[MapUnderWay]:
        """Yield the map that the run is at now."""
        found = self.bucket.get(RUN)
        job = None if found is None else state_of(found, self.bucket)["job"]
        if job is not None:
            scratch = self.run.stages / f"{job['output']}.partial" / SCRATCH
            yield MapUnderWay(folder=scratch / MAPS / job["what"], about=job)

    def wants(self, job: MapUnderWay) -> bool:
        """Return whether the run is at a map still."""
        return any(now.about == job.about for now in self.jobs())

    def parts(self, job: MapUnderWay) -> SharedParts:
        """Return the parts of a map, and fetch the files that it reads."""
        for name, sha256 in job.about["beside"].items():
            path = job.stage / SCRATCH / name
            if not path.exists() or digest(path.read_bytes()) != sha256:
                write_durably(path, fetched(self.bucket, f"{BESIDE}/{sha256}"))
        return parts_in(self.bucket, job.folder, int(job.about["count"]))

    def maps(self, job: MapUnderWay, *, without_sandbox: bool) -> Mapping[str, Map]:
        """Return how the parts of a job's stage are made.

        Raises:
            PotstillError: it would be another stage here, since files that the recipe names are.
        """
        self.bucket.now()  # writes, so that a store that may only be read is told of before any work
        about = job.about
        text = fetched(self.bucket, f"{RECIPES}/{about['recipe']}").decode()
        recipe = parse(text, f"{self.name}/{RECIPES}/{about['recipe']}")
        inputs = {role: self._output(folder) for role, folder in about["inputs"].items()}
        for stage in KINDS[about["kind"]](recipe, graph_of(recipe)):
            if stage.maps is None or stage.inputs.keys() != inputs.keys():
                continue
            if stage.fingerprint({name: inputs[role] for role, name in stage.inputs.items()}) != about["fingerprint"]:
                continue
            maps = stage.maps(
                Given(
                    recipe=stage.recipe, run=self.run, inputs=inputs, without_sandbox=without_sandbox,
                    bucket=self.bucket,
                ),
                job.stage / SCRATCH,
            )  # fmt: skip
            for name in maps:
                (job.stage / SCRATCH / MAPS / name).mkdir(parents=True, exist_ok=True)
            return maps
        raise PotstillError(
            f"{self.name}: a file that its recipe names (a checker, a filter, tests to be held apart) is missing or "
            f"another one here: put those of the run below {recipe.data}"
        )

    def _output(self, folder: str) -> FetchedOutput:
        where = f"{STAGES}/{folder}/{MANIFEST}"
        try:
            manifest = unsigned(json.loads(fetched(self.bucket, where)), where)
        except ValueError:
            raise DamageError(f"{self.name}/{where} is damaged: remove it and run again") from None
        return FetchedOutput(self.run.stages / folder, manifest, self.bucket)


def fetched(bucket: ObjectStore, name: str) -> bytes:
    """Return an object that the run has put there; FileNotFoundError where it is over and has removed it."""
    found = bucket.get(name)
    if found is None:
        raise FileNotFoundError(f"{bucket.address}/{name}")
    return found.data
