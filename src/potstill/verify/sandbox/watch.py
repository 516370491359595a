"""What no limit of the kernel counts or ends, seen from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

MOST_FILES = 20_000
"""Files and folders in /tmp: an empty one costs kernel memory that no size of a file system counts."""

ROUNDS = 100


def kills_for_memory() -> int:
    """Return how many processes the kernel has killed since its start because the machine ran out of memory."""
    try:
        counters = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    except OSError:
        return 0
    return int(counters.get("oom_kill", 0))


def files(first: int) -> int:
    """Return how many files and folders are in the tree's own /tmp."""
    try:
        state = os.statvfs(f"/proc/{first}/root/tmp")
    except OSError:
        return 0
    return state.f_files - state.f_ffree


def end_all_of(user: int) -> None:
    """Kill every process of a user that only this tree has, until none is left."""
    for _ in range(ROUNDS):
        found = [entry for entry in Path("/proc").iterdir() if entry.name.isdecimal() and _belongs(entry, user)]
        if not found:
            return
        for entry in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(entry.name), signal.SIGKILL)
        time.sleep(0.001)


def _belongs(entry: Path, user: int) -> bool:
    """Say whether it is a process of the user's, and not one that has ended and waits to be collected."""
    try:
        return entry.stat().st_uid == user and " Z " not in (entry / "stat").read_text().rpartition(")")[2][:4]
    except OSError:
        return False
