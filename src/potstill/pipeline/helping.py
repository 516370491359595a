"""A process that works for a run which another one is at: `potstill work RUN`, and what a run starts beside itself."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from potstill.bucket import BucketError, ObjectStore, is_address
from potstill.errors import PotstillError, StoreError
from potstill.pipeline.fetching import BucketPlace
from potstill.pipeline.jobs import FolderPlace, MapUnderWay, Place
from potstill.pipeline.parts import versions
from potstill.pipeline.stage import Map
from potstill.store import Run
from potstill.temporary import temporary_folder


@dataclass
class Helper:
    """A process that works for a run which another one is at: it takes parts until that one has no more.

    `until` says when to stop for another reason.
    """

    place: Place
    without_sandbox: bool = False
    until: Callable[[], bool] = lambda: False
    done: int = 0

    def __post_init__(self) -> None:
        self._maps: dict[Path, Mapping[str, Map]] = {}

    def work(self) -> int:
        """Take parts as long as a process is at the run; return how many were made."""
        while not self.until() and (self._round() or self.place.is_busy()):
            time.sleep(self.place.idle)
        return self.done

    def _round(self) -> bool:
        """Do what can be done now; return whether there was anything."""
        before = self.done
        for job in self.place.jobs():
            # A stage that was committed meanwhile takes what its parts are made from with it.
            with contextlib.suppress(FileNotFoundError):
                maps = self._maps_of(job)
                if job.what in maps:
                    self._make(job, maps[job.what])
        return self.done > before

    def _make(self, job: MapUnderWay, part: Map) -> None:
        """Make the parts of a map that nobody else is at."""
        parts = self.place.parts(job)
        for number in parts.missing():
            if self.until() or not self.place.wants(job):
                break
            try:
                if not parts.has(number) and parts.claim(number):
                    parts.commit(number, part(number))
                    self.done += 1
            except BucketError:
                raise
            except (FileNotFoundError, StoreError):
                continue

    def _maps_of(self, job: MapUnderWay) -> Mapping[str, Map]:
        if job.stage not in self._maps:
            self._refuse(job)
            self._maps[job.stage] = self.place.maps(job, without_sandbox=self.without_sandbox)
        return self._maps[job.stage]

    def _refuse(self, job: MapUnderWay) -> None:
        theirs, ours = dict(job.about["versions"]), versions()
        if theirs != ours:
            apart = ", ".join(
                f"{name} {theirs.get(name, 'none')} there and {ours.get(name, 'none')} here"
                for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)
            )  # fmt: skip
            raise PotstillError(
                f"{self.place.name} is run by another version: {apart}: install the same to work for it"
            )
        if bool(job.about["without_sandbox"]) != self.without_sandbox:
            told = "without" if job.about["without_sandbox"] else "with"
            raise PotstillError(f"{self.place.name} is run {told} the sandbox: start this process the same way")


@contextlib.contextmanager
def place_of(run: str) -> Iterator[Place]:
    """Give the place of a run by its folder, or by the address of the store that it shares its parts in."""
    if not is_address(run):
        yield FolderPlace(Run(Path(run)))
        return
    bucket = ObjectStore(run)
    with temporary_folder("work") as folder:
        yield BucketPlace(bucket, folder)
