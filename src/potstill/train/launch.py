"""A training on several processes of this machine: started, listened to, and ended together."""

from __future__ import annotations

import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any

from potstill import errors
from potstill.errors import PotstillError, StudentError
from potstill.train.job import Job, Log, Stop, Watcher

LOOK_SECONDS = 0.2
GRACE_SECONDS = 5.0
"""After a process has failed, for the others to say why: those that waited for it fail too, and know less."""
STOP = b"stop\n"
Said = tuple[int, dict[str, Any] | None]
"""What a process said; None once it has ended."""


def launch(job: Job, progress: Watcher, stop: Stop) -> list[Log]:
    """Train with `job.settings.processes` processes; return the logs.

    Raises:
        PotstillError: what the processes said, or one that names the process that ended and why. All have ended then,
            and a checkpoint stays as it is.
    """
    count = job.settings.processes
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="potstill-ranks-"))
        said: queue.Queue[Said] = queue.Queue()
        processes = [_started(job, number, Path(folder)) for number in range(count)]
        stack.callback(_end, processes)
        for number, process in enumerate(processes):
            threading.Thread(target=_listen, args=(process, number, said), daemon=True).start()
        return _heard(processes, said, progress, stop, Path(folder))


def _started(job: Job, number: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start a process and hand it the job; it ends with this one, which holds the other end of its input."""
    import torch

    count = job.settings.processes
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, torch.get_num_threads() // count))}
    if sys.platform == "linux":  # a host name that leads nowhere would keep them from meeting
        environment.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with (folder / f"{number}.err").open("wb") as tail:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-P", "-m", "potstill.train.rank", str(number), str(count), str(folder / "met")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None if number == 0 else tail, env=environment,
        )  # fmt: skip
    _send(process, pickle.dumps(job))
    return process


def _send(process: subprocess.Popen[bytes], data: bytes) -> None:
    """Write to a process; one that has ended is heard of otherwise."""
    with suppress(OSError):
        if process.stdin is not None:
            process.stdin.write(data)
            process.stdin.flush()


def _listen(process: subprocess.Popen[bytes], number: int, said: queue.Queue[Said]) -> None:
    output: IO[bytes] | None = process.stdout
    for line in output or ():
        with suppress(ValueError):
            said.put((number, json.loads(line)))
    process.wait()
    said.put((number, None))


def _heard(
    processes: list[subprocess.Popen[bytes]], said: queue.Queue[Said], progress: Watcher, stop: Stop, folder: Path
) -> list[Log]:
    """Pass on what the processes say until all are done or one has failed."""
    done: dict[int, list[Log]] = {}
    failed: dict[int, dict[str, Any]] = {}
    ended: set[int] = set()
    asked, until = False, float("inf")
    while len(ended) < len(processes) and time.monotonic() < until:
        if stop.asked and not asked:
            asked = True
            for process in processes:
                _send(process, STOP)
        try:
            number, told = said.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            continue
        if told is None:
            ended.add(number)
            if number not in done and number not in failed:
                failed[number] = _ending(processes[number], folder / f"{number}.err")
        elif "failed" in told:
            failed[number] = told
        elif "done" in told:
            done[number] = told["done"]
        else:
            _pass_on(told, progress)
        if failed and until == float("inf"):
            until = time.monotonic() + GRACE_SECONDS
    if failed:
        raise _reason(failed, len(processes))
    return done[0]


def _pass_on(told: dict[str, Any], progress: Watcher) -> None:
    if "figures" in told:
        progress.figures(told["figures"])
    elif "advance" in told:
        progress.advance(*told["advance"])
    elif "resume_at" in told:
        progress.resume_at(told["resume_at"])


def _ending(process: subprocess.Popen[bytes], tail: Path) -> dict[str, Any]:
    """Return why a process ended that said nothing."""
    code = process.returncode
    if code < 0:
        name = signal.Signals(-code).name
        hint = ", as the kernel does when memory runs out: lower train.micro_batch" if name == "SIGKILL" else ""
        return {"failed": f"it was ended by {name}{hint}", "kind": "killed"}
    lines = tail.read_text(encoding="utf-8", errors="replace").strip().splitlines() if tail.exists() else []
    return {"failed": f"it ended with code {code}{': ' + lines[-1][:200] if lines else ''}", "kind": "killed"}


def _reason(failed: dict[int, dict[str, Any]], count: int) -> Exception:
    """Return the error that says most: of a process that was ended, then one with a name, then any other.

    What all processes found together is told as it is; of others the process is named. A bug keeps its traceback.
    """
    by_kind = {kind: [n for n in sorted(failed) if failed[n]["kind"] == kind] for kind in ("killed", "told", "bug")}
    number = next(found[0] for found in by_kind.values() if found)
    what = failed[number]
    where = f"process {number + 1} of {count}"
    if what["kind"] == "killed":
        return StudentError(
            f"{where} of the training is lost, and the others were ended: {what['failed']}. The last checkpoint is "
            "kept; the same command goes on from there"
        )
    if what["kind"] == "bug":
        return RuntimeError(f"{where} of the training failed\n{what['trace']}")
    together = len(by_kind["told"]) == count
    cls: type[PotstillError] = getattr(errors, what["class"], PotstillError)
    plain = cls if cls.__init__ is PotstillError.__init__ else PotstillError
    return plain(what["failed"] if together else f"{where} of the training: {what['failed']}")


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.kill()
    for process in processes:
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
