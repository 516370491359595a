"""Stages as many parts: a map over them, shared by every process that works for the run.

A stage that has `maps` announces one as it comes to it, in a file `job.json` of its scratch folder. Its own process
takes parts like all others: those that it starts on this machine, and `potstill work RUN` wherever that was started.
With a store (see `sharing`) parts and claims are there, and it says so to processes that do not see its folder. Whoever
makes a part makes the same bytes, so it does not matter who did, or how often a process was killed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from potstill.bucket import ObjectStore
from potstill.bucket_parts import BucketParts
from potstill.claims import SharedParts
from potstill.durable import read_record, to_record, write_durably, writing
from potstill.errors import StoreError
from potstill.executor.cluster import installed
from potstill.executor.crew import on_cluster
from potstill.hardware import processors
from potstill.pipeline.stage import Context, Map
from potstill.progress import Progress
from potstill.records import content_key
from potstill.store import SCRATCH

MAPS, JOB, MADE = "maps", "job.json", "made.json"
PARTS = "parts"
"""Where parts are in a store."""
FEW = 8_000
"""Traces below which no process is started: it would take as long as the work."""
MOST = 16
"""Processes that one run starts by itself, at most."""
PATIENCE = 10.0
"""Seconds without anything to do, after which the run makes what another process has claimed."""
MADE_BY = ("potstill", "pyarrow", "sympy")
"""Packages whose version decides the bytes of a part."""


def versions() -> dict[str, str]:
    """Return the versions of what makes the parts, which must be the same wherever they are made."""
    return {"python": f"{sys.version_info[0]}.{sys.version_info[1]}", **installed(MADE_BY)}


def parts_in(bucket: ObjectStore | None, folder: Path, count: int) -> SharedParts:
    """Return the parts whose folder is `stages/OUTPUT.partial/scratch/maps/WHAT`; of other versions they are others."""
    if bucket is None:
        return SharedParts(folder, count)
    output = folder.parents[2].name.removesuffix(".partial")
    made = content_key("parts", count, versions())[:8]
    return BucketParts(folder, count, bucket, f"{PARTS}/{output}/{folder.name}-{made}")


def mapped(
    context: Context, maps: Mapping[str, Map], what: str, rows: int, size: int, *, alone: bool = False,
    beside: Sequence[str] = (),
) -> SharedParts:  # fmt: skip
    """Return the parts of the map `what`, done: over `rows` traces, `size` a part.

    With `alone` no other process takes part, since it could not know how. `beside` are files of the scratch folder that
    the map reads.

    Raises:
        StoreError: a part cannot be written.
    """
    parts, data = in_order(context, maps, what, rows, size, alone=alone, beside=beside, read=False)
    for _ in data:
        pass
    return parts


def in_order(
    context: Context, maps: Mapping[str, Map], what: str, rows: int, size: int, *, alone: bool = False,
    beside: Sequence[str] = (), read: bool = True,
) -> tuple[SharedParts, Iterator[bytes]]:  # fmt: skip
    """Return the parts of a map as `mapped` does, and the data of each, in order, as soon as it is done.

    So whoever puts them together does so while others make the rest. All are done when the last one came; where they
    are not `read`, nothing comes.
    """
    folder, count = context.work.path / SCRATCH / MAPS / what, -(-rows // size)
    _begin(folder, size)
    sharing = None if alone else context.sharing
    parts = parts_in(None if sharing is None else sharing.bucket, folder, count)
    parts.publish()
    steps = _steps(context, parts, maps[what], rows, size, alone=alone, beside=beside)

    def data() -> Iterator[bytes]:
        at = 0
        for _ in steps:
            while read and at < count and (found := parts.read(at) if parts.has(at) else None) is not None:
                yield found
                at += 1
        yield from parts.all(at) if read else ()

    return parts, data()


def _steps(
    context: Context, parts: SharedParts, make: Map, rows: int, size: int, *, alone: bool, beside: Sequence[str]
) -> Iterator[None]:
    """Make what is missing of some parts, with all others that work for the run; yield whenever one may be there."""
    folder, what, sharing = parts.folder, parts.folder.name, None if alone else context.sharing
    missing = parts.missing()
    if not missing:
        return
    if not alone:
        about = {"count": parts.count, "versions": versions(), "without_sandbox": context.without_sandbox}
        about |= {} if sharing is None else {"store": sharing.bucket.address}
        write_durably(folder / JOB, to_record(about))
        if sharing is not None:
            sharing.announce(context.work, context.inputs, what, about, beside)
    progress = Progress(what, rows, "traces")
    progress.resume_at(min(rows, (parts.count - len(missing)) * size))
    few = alone or len(missing) * size < FEW
    with _helped(0 if few else len(missing) - 1, context) as watch:
        idle_since = time.monotonic()
        while missing:
            for number in missing:
                if parts.has(number):
                    continue
                if parts.claim(number) or time.monotonic() - idle_since > PATIENCE:
                    parts.commit(number, make(number))
                    progress.advance(min(size, rows - progress.done))
                    yield
                    idle_since = time.monotonic()
                watch()
            watch()
            before, missing = missing, parts.missing()
            progress.advance(max(0, min(rows, (parts.count - len(missing)) * size) - progress.done))
            yield
            if missing == before:
                time.sleep(parts.pause)
    (folder / JOB).unlink(missing_ok=True)
    if sharing is not None:
        sharing.withdraw()
    progress.close()


def _begin(folder: Path, size: int) -> None:
    """Make the folder of a map; what other versions left there goes, and parts of another size."""
    made = {"versions": versions(), "size": size}
    with writing(folder):
        if folder.exists() and read_record(folder / MADE) != made:
            shutil.rmtree(folder)
        if not folder.exists():
            folder.mkdir(parents=True)
            write_durably(folder / MADE, to_record(made))


@contextlib.contextmanager
def _helped(most: int, context: Context) -> Iterator[Callable[[], None]]:
    """Let other processes work for the run in the block, `most` at most; yield what is called between two parts."""
    ray = context.recipe.executor.kind == "ray"
    # A worker that finds no place on a cluster waits for one, so that they may be more than the cluster has room for.
    count = min(most, (context.workers or (MOST if ray else min(processors(), MOST))) - 1)
    if count > 0 and ray:
        with on_cluster(
            context.recipe.executor,
            str(context.run.path.resolve()) if context.sharing is None else context.sharing.bucket.address,
            count,
            installed(MADE_BY),
            without_sandbox=context.without_sandbox,
        ) as watch:
            yield watch
    else:
        with _started(count, context):
            yield lambda: None


@contextlib.contextmanager
def _started(number: int, context: Context) -> Iterator[None]:
    """Let so many more processes of this machine work for the run in the block; they end with this one in any case."""
    argv = [sys.executable, "-P", "-m", "potstill", "work", str(context.run.path), "--for", str(os.getpid())]
    argv += ["--run-untrusted-code-without-a-sandbox"] if context.without_sandbox else []
    found: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(number):
            found.append(  # noqa: PERF401 - those that were started are ended
                subprocess.Popen(  # noqa: S603 - ourselves
                    argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
                )
            )
        yield
    except OSError as error:
        raise StoreError(f"no process can be started to work beside this one: {error.strerror}") from error
    finally:
        for process in found:
            process.terminate()
        for process in found:
            process.wait()
