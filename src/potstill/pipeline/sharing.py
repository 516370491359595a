"""A run whose parts are in an object store, as its own process has it: `potstill run RECIPE --store s3://bucket/prefix`.

    run.json        who is at the run, and at which map; written again and again, which shows that its process lives
    recipes/        the recipe
    stages/         tables that parts are made from
    beside/         files of a scratch folder that they are made from
    parts/          parts and claims, see `bucket_parts`

The run folder itself stays where it is: its process alone writes it, so it needs neither links nor renames of a store.
Names say what they hold (fingerprints, digests), so what a killed run left is used again or stands in nobody's way.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from potstill.bucket import BucketError, ObjectStore, StoredObject, this_process
from potstill.claims import LEASE, is_gone
from potstill.damage import digest, unsigned
from potstill.durable import to_record
from potstill.errors import BusyError, DamageError, PotstillError
from potstill.progress import Progress
from potstill.store import MANIFEST, SCRATCH, Committed, Work

RUN, CLOCK = "run.json", "clock"
RECIPES, STAGES, BESIDE = "recipes", "stages", "beside"
OURS = (RECIPES, STAGES, BESIDE, "parts")
BEAT = 20.0
"""Seconds after which `run.json` is written again; workers count a run as over when that is older than `LEASE`."""
AT_ONCE = 8
"""Files that are copied to the store at the same time."""


class Sharing:
    """What the process of a run says to workers that do not see its folder."""

    def __init__(self, bucket: ObjectStore, recipe: bytes) -> None:
        self.bucket, self._recipe = bucket, recipe
        self._state: dict[str, Any] = {"owner": this_process(), "state": "running", "job": None}
        self._lock, self._over, self._failing = threading.Lock(), threading.Event(), False

    def take(self) -> None:
        """Become the run of this address.

        Raises:
            BusyError: another process is at it.
            PotstillError: other things are there.
        """
        self.bucket.now()
        before, own = self.bucket.get(RUN), to_record(self._state)
        if before is None:
            strange = sorted(self.bucket.names().keys() - {CLOCK})
            if strange:
                raise PotstillError(
                    f"{self.bucket.address} holds {strange[0]}, which is of no run: name an empty place in --store"
                )
            taken = self.bucket.create(RUN, own)
        else:
            if is_alive(before, self.bucket):
                raise self._busy(before)
            taken = self.bucket.replace(RUN, own, before.version)
        if not taken and ((now := self.bucket.get(RUN)) is None or now.data != own):
            raise self._busy(now)

    def _busy(self, found: StoredObject | None) -> BusyError:
        owner = "" if found is None else f" by {state_of(found, self.bucket).get('owner')}"
        return BusyError(f"{self.bucket.address} is in use{owner}: wait for it, or name another --store")

    def beat(self) -> None:
        """Say that the run goes on, until it is over."""
        while not self._over.wait(BEAT):
            try:
                self._write()
                self._failing = False
            except BucketError as error:
                if not self._failing:
                    print(f"{error}; workers may count this run as over", file=sys.stderr)
                self._failing = True

    def announce(
        self, work: Work, inputs: Mapping[str, Committed], what: str, about: Mapping[str, Any], beside: Sequence[str]
    ) -> None:
        """Copy what the parts of a map are made from, and say that they are wanted."""
        scratch = {name: (work.path / SCRATCH / name).read_bytes() for name in beside}
        named = {name: digest(data) for name, data in scratch.items()}
        self._put_new(BESIDE, {named[name]: data for name, data in scratch.items()})
        self._put_new(RECIPES, {digest(self._recipe): self._recipe})
        for committed in inputs.values():
            self._copy(committed)
        self._state["job"] = {
            **about, "what": what, "kind": work.about["kind"], "fingerprint": work.about["fingerprint"],
            "output": work.folder, "inputs": {role: one.path.name for role, one in inputs.items()}, "beside": named,
            "recipe": digest(self._recipe),
        }  # fmt: skip
        self._write()

    def withdraw(self) -> None:
        """Say that no more parts of the map are wanted."""
        self._state["job"] = None
        self._write()

    def end(self, *, done: bool) -> None:
        """Say that the run is over; what it left in the store is removed where it is done."""
        self._over.set()
        self._state |= {"state": "over", "job": None}
        self._write()
        if done:
            self.clean()

    def clean(self) -> None:
        """Remove everything but `run.json`."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for folder in OURS:
                names = [[f"{folder}/{name}"] for name in self.bucket.names(folder)]
                list(pool.map(self.bucket.remove, names))

    def _copy(self, committed: Committed) -> None:
        """Copy the tables of an output, its manifest last."""
        folder = f"{STAGES}/{committed.path.name}"
        there = self.bucket.names(folder)
        if MANIFEST in there:
            return
        names = [name for table in committed.tables for name in committed.parts(table) if name not in there]
        progress = Progress("to the store", len(names), "files")

        def copy(name: str) -> None:
            self.bucket.create(f"{folder}/{name}", committed.read(name))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(copy, names):
                progress.advance()
        progress.close()
        self.bucket.create(f"{folder}/{MANIFEST}", to_record(committed.manifest))

    def _put_new(self, folder: str, found: Mapping[str, bytes]) -> None:
        there = self.bucket.names(folder) if found else {}
        for name, data in found.items():
            if name not in there:
                self.bucket.create(f"{folder}/{name}", data)

    def _write(self) -> None:
        with self._lock:
            self.bucket.put(RUN, to_record(self._state))


@contextlib.contextmanager
def sharing(address: str | None, recipe: bytes) -> Iterator[Sharing | None]:
    """Share the parts of a run at an address in the block; nothing is done without one.

    Raises:
        PotstillError: see `Sharing.take`; nothing is begun.
        BucketError: see `ObjectStore`.
    """
    if address is None:
        yield None
        return
    shared = Sharing(ObjectStore(address), recipe)
    shared.take()
    beating = threading.Thread(target=shared.beat, daemon=True)
    beating.start()
    try:
        yield shared
    except BaseException:
        with contextlib.suppress(BucketError):
            shared.end(done=False)
        raise
    try:
        shared.end(done=True)
    except BucketError as error:
        print(f"the run is done, and not everything could be removed: {error}", file=sys.stderr)


def is_alive(found: StoredObject, bucket: ObjectStore) -> bool:
    """Return whether the process that wrote a `run.json` is at its run still."""
    state = state_of(found, bucket)
    if state["state"] != "running" or abs(bucket.now() - found.modified) >= LEASE:
        return False
    return not is_gone(json.dumps({"owner": state["owner"]}).encode())


def state_of(found: StoredObject, bucket: ObjectStore) -> dict[str, Any]:
    """Return what a `run.json` says.

    Raises:
        DamageError: it is not as it was written.
    """
    where = f"{bucket.address}/{RUN}"
    try:
        value = json.loads(found.data)
    except (ValueError, RecursionError):
        value = None
    try:
        return unsigned(value, where)
    except DamageError:
        raise DamageError(f"{where} is not of a run of this version: name another --store, or remove it") from None
