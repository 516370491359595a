"""The memory of one process: giving it back between large pieces of work, and how much there is to take."""

from __future__ import annotations

import ctypes
import gc
import re
import sys
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_RAN_OUT = re.compile(r"(?i)out of memory|can(no|')t allocate|not enough memory|bad_alloc")
"""`DefaultCPUAllocator: can't allocate memory: you tried to allocate 4194304 bytes`"""


def release_memory(*, collect: bool = False) -> None:
    """Give free blocks back to the kernel, where the C library can.

    With the allocator settings of the command line nothing goes back by itself, and tensors of ever new lengths leave
    holes: SmolLM2's training grew from 3 to 8 GB in 70 steps without this. `collect` first frees models that only
    reference cycles keep alive, and gives back what tables were read into.
    """
    if collect:
        gc.collect()
        # Arrow's own allocator keeps 25 MB behind the tables of 4,000 rows
        pool = getattr(sys.modules.get("pyarrow"), "default_memory_pool", None)
        if pool is not None:
            pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def ran_out(error: BaseException) -> bool:
    """Whether an error of torch says that memory ran out, of this machine or of a GPU."""
    return isinstance(error, MemoryError) or _RAN_OUT.search(str(error)) is not None


def available_memory() -> int | None:
    """Return the bytes that this process may still take; None where the system does not say.

    The kernel's own estimate, and what the control groups that a container lives in leave.
    """
    try:
        told = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        found = [int(told["MemAvailable"].split()[0]) * 1024]
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except (OSError, KeyError, ValueError):
        return None
    own = _GROUPS / next((line[3:].strip("/") for line in lines if line.startswith("0::")), "")
    return min([*found, *(left for group in (own, *own.parents) if (left := _left_in(group)) is not None)])


def _left_in(group: Path) -> int | None:
    """Return the bytes that a control group has left, files that can be dropped included; None without a limit."""
    try:
        limit, used = ((group / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return max(0, int(limit) - int(used) + int(stat.get("inactive_file", 0)))
    except (OSError, ValueError):  # no such group, or no limit: `max`
        return None


def reset_peak() -> bool:
    """Let `peak_memory` count from now on; whether the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # another system, or a container that forbids it
        return False
    return True


def peak_memory(process: int | None = None) -> int | None:
    """Return the most bytes that a process, this one for None, has had in memory; None where nobody counts.

    Of this process since `reset_peak`, of another since it began.
    """
    status = Path(f"/proc/{'self' if process is None else process}/status")
    try:
        told = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(told["VmHWM"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
