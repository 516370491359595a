"""Control groups (version 2) where one is delegated to us: the kernel's own limit for a whole tree of processes.

Without one, the watch from outside does the same less promptly. https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from potstill.verify.sandbox.limits import Limits

NEEDED = {"memory", "pids"}
ROUNDS = 200


@cache
def delegated() -> Path | None:
    """Return the group in which we may make groups with limits: our own or the one above; None where there is none."""
    return find(Path("/proc/self"))


def find(process: Path) -> Path | None:
    """Look from a process's folder in /proc."""
    try:
        lines = (process / "cgroup").read_text().splitlines()
        mounts = (process / "mountinfo").read_text().splitlines()
    except OSError:
        return None
    own = next((line[3:].lstrip("/") for line in lines if line.startswith("0::")), None)
    top = next((Path(line.split()[4]) for line in mounts if " - cgroup2 " in line), None)
    if own is None or top is None:
        return None
    here = top / own
    return next((group for group in (here, here.parent) if group.is_relative_to(top) and _is_ours(group)), None)


def _is_ours(group: Path) -> bool:
    try:
        passed_on = set((group / "cgroup.subtree_control").read_text().split())
    except OSError:
        return False
    return passed_on >= NEEDED and os.access(group, os.W_OK) and os.access(group / "cgroup.procs", os.W_OK)


@contextlib.contextmanager
def group_for(parent: Path, limits: Limits, name: str) -> Iterator[Path]:
    """Make a group with these limits, and remove it with all that is in it. Raises `OSError`."""
    group = parent / name
    group.mkdir()
    try:
        (group / "memory.max").write_text(str(limits.memory_mb << 20))
        (group / "pids.max").write_text(str(limits.threads))
        for file in ("memory.swap.max", "memory.oom.group"):
            with contextlib.suppress(OSError):  # kernels without swap accounting, or older than 4.19
                (group / file).write_text("0" if file == "memory.swap.max" else "1")
        yield group
    finally:
        with contextlib.suppress(OSError):  # older than 5.14; what is in it has been killed already
            (group / "cgroup.kill").write_text("1")
        for _ in range(ROUNDS):
            with contextlib.suppress(OSError):  # the last process is still on its way out
                group.rmdir()
                break
            time.sleep(0.005)


def ran_out_of_memory(group: Path) -> bool:
    """Say whether the kernel has killed for this group's limit of memory."""
    try:
        events = dict(line.split() for line in (group / "memory.events").read_text().splitlines())
    except OSError:
        return False
    return events.get("oom_kill", "0") != "0"
