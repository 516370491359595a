"""Who helps a run, as the run sees it: workers on a Ray cluster, kept by a process beside it."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from potstill.executor.cluster import PATIENCE, ClusterError, named
from potstill.recipe import Executor

END_SECONDS = 5.0
Told = dict[str, Any] | None
"""What the process beside the run said; None once it has ended."""


def reach(executor: Executor) -> None:
    """Return where a cluster answers.

    Raises:
        ClusterError: none does.
    """
    with _keeper(executor, "", 0, {}, without_sandbox=False) as told:
        try:
            first = told.get(timeout=PATIENCE)
        except queue.Empty:
            raise ClusterError(
                f"no Ray cluster answers at {named(executor.address)} within {PATIENCE:g} seconds: is it up?"
            ) from None
    if first is None:
        raise ClusterError(f"the process that talks to the Ray cluster {named(executor.address)} ended at once")
    if "absent" in first:
        raise ClusterError(first["absent"])


@contextlib.contextmanager
def on_cluster(
    executor: Executor, run: str, count: int, versions: Mapping[str, str], *, without_sandbox: bool
) -> Iterator[Callable[[], None]]:
    """Let `count` workers of a cluster work for `run`, as `potstill work` takes it; yield what is called now and then.

    It shows what became of workers, and raises ClusterError where every one refused to work. A cluster that is lost is
    said, and the run goes on alone.
    """
    with _keeper(executor, run, count, versions, without_sandbox=without_sandbox) as told:

        def watch() -> None:
            while True:
                try:
                    one = told.get_nowait()
                except queue.Empty:
                    return
                if one is None:
                    where = named(executor.address)
                    print(f"the Ray cluster {where} is lost: this process goes on without it", file=sys.stderr)
                elif "absent" in one:  # it answered when the run began
                    print(one["absent"], file=sys.stderr)
                elif "refused" in one:
                    raise ClusterError(f"no worker on the Ray cluster could begin: {one['refused']}")
                elif "said" in one:
                    print(one["said"], file=sys.stderr)

        yield watch


@contextlib.contextmanager
def _keeper(
    executor: Executor, run: str, count: int, versions: Mapping[str, str], *, without_sandbox: bool
) -> Iterator[queue.Queue[Told]]:
    """Start `keeping` for the block; yield what it says."""
    argv = [sys.executable, "-P", "-m", "potstill.executor.keeping", run, f"--count={count}"]
    argv += [f"--cpus={executor.cpus}", f"--versions={json.dumps(versions)}"]
    argv += [f"--address={executor.address}"] if executor.address else []
    argv += ["--without-sandbox"] if without_sandbox else []
    told: queue.Queue[Told] = queue.Queue()
    with subprocess.Popen(  # noqa: S603 - ourselves
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        listener = threading.Thread(target=_listen, args=(process, told), daemon=True)
        listener.start()
        try:
            yield told
        finally:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            listener.join()


def _listen(process: subprocess.Popen[bytes], told: queue.Queue[Told]) -> None:
    for line in process.stdout or ():
        with contextlib.suppress(ValueError):
            told.put(json.loads(line))
    told.put(None)
