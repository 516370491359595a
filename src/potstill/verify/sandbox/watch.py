"""What a running tree of processes holds, seen from outside: the kernel limits each process, this is for all of it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
MOST_FILES = 20_000
"""Files and folders in /tmp: an empty one costs kernel memory that no size of a file system counts."""

ROUNDS = 100


def tree(first: int) -> list[int]:
    """Return the process and its descendants. One that ends meanwhile is left out."""
    found, waiting = [], [first]
    while waiting:
        number = waiting.pop()
        found.append(number)
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{number}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
    return found


def memory(first: int) -> int:
    """Return the bytes of memory of the tree, a page that is shared counted for each process."""
    return sum(_resident(number) for number in tree(first))


def shared_out(first: int) -> int:
    """Return the bytes of memory of the tree, each shared page divided among its sharers; slower than `memory`."""
    total = 0
    for number in tree(first):
        with contextlib.suppress(OSError, ValueError, IndexError):
            rollup = Path(f"/proc/{number}/smaps_rollup").read_text()
            total += int(rollup.partition("\nPss:")[2].split()[0]) << 10
    return total


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


def _resident(number: int) -> int:
    try:
        return int(Path(f"/proc/{number}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0
