"""One command and all that it starts: processor seconds, peak memory, wall clock. Linux only.

    python watched.py REPORT.json SECONDS COMMAND...

runs the command as a session of its own and writes what it used when all of it has ended. What is left of it after
SECONDS, or when this process gets SIGTERM or its parent ends, is killed with SIGKILL, all at once.

Processor time is what the kernel counts, user and system, of every process of the tree: orphans become children of this
process, so none is missed. Memory is the high-water mark of resident memory (VmHWM) of each process, summed over those
alive at the same time; pages that processes share are counted for each. It is read ten times a second, and as each
mark only rises, what is missed is what a process took within its last tenth of a second.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
EVERY = 0.1


@dataclass(frozen=True)
class Usage:
    """What a command used: seconds of wall clock and of processors, bytes at its peak, processes alive at a time.

    `code` is its exit code, None where it was stopped.
    """

    code: int | None
    seconds: float
    cpu: float
    peak: int
    processes: int


class Watched:
    """A command that runs under watch in the background; `report` is a file to write to."""

    def __init__(
        self, command: list[str], report: Path, *, limit: float, environment: dict[str, str], log: Path
    ) -> None:
        self.report = report
        self.report.unlink(missing_ok=True)
        with log.open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, __file__, str(report), str(limit), *command],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment, cwd=report.parent,
            )  # fmt: skip

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def kill(self) -> Usage:
        """End all of it by SIGKILL."""
        self.process.terminate()
        return self.ended()

    def ended(self) -> Usage:
        """Wait for its end."""
        self.process.wait()
        return Usage(**json.loads(self.report.read_text()))


def descendants(pid: int) -> list[int]:
    """Return all processes below one, children before grandchildren."""
    found: list[int] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in tasks.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def high_water(pid: int) -> int:
    """Return the most bytes that were resident; 0 for a process that has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def watch(command: list[str], limit: float) -> Usage:
    """Run a command to its end, its limit or SIGTERM."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    began, asked_by = time.monotonic(), os.getppid()
    first = os.posix_spawnp(command[0], command, os.environ, setsid=True, setsigmask=[])
    code, peak, processes, alive = 0, 0, 0, True
    while alive:
        marks = [mark for mark in map(high_water, descendants(os.getpid())) if mark]
        peak, processes = max(peak, sum(marks)), max(processes, len(marks))
        stopped = stopped or time.monotonic() - began > limit or os.getppid() != asked_by
        if stopped:
            _kill(first)
        deadline = time.monotonic() + EVERY
        while alive and time.monotonic() < deadline:
            alive, code = _reap(first, code)
            if alive and stopped:
                break
            time.sleep(0.005)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Usage(None if stopped else code, time.monotonic() - began, used.ru_utime + used.ru_stime, peak, processes)


def _kill(first: int) -> None:
    """Kill the session's group in one call, then whatever has left it."""
    for kill, pid in ((os.killpg, first), *((os.kill, pid) for pid in descendants(os.getpid()))):
        try:
            kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _reap(first: int, code: int) -> tuple[bool, int]:
    """Return whether anything is alive, and the command's exit code once it is known."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False, code
        if not pid:
            return True, code
        if pid == first:
            code = os.waitstatus_to_exitcode(status)


def main() -> None:
    """Watch a command and report."""
    report, limit, *command = sys.argv[1:]
    Path(report).write_text(json.dumps(asdict(watch(command, float(limit)))))


if __name__ == "__main__":
    main()
