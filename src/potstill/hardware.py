"""What this machine has: processors for us, GPUs, and whether bf16 is worth having on them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Precision = Literal["auto", "bf16", "fp32"]
"""A number format; `auto` is bf16 where this machine multiplies it, else fp32, see `number_format`."""
# A line of flags of `/proc/cpuinfo`: `flags : fpu sse2 avx512_bf16 amx_bf16` (x86), `Features : fp asimd bf16` (ARM).
_FLAGS = re.compile(r"(?m)^(?:flags|Features)\s*:(.*)$")
_BF16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
_OLDEST_CUDA = (8, 0)
"""Compute capability from which a GPU multiplies bf16."""
SLOW = "this machine does not multiply bf16, and would take some 50 times as long with it as with fp32"


def number_format(precision: Precision = "auto") -> Precision:
    """Return `precision`, and for `auto` bf16 where this machine multiplies it and fp32 where it does not."""
    return precision if precision != "auto" else "bf16" if multiplies_bf16() else "fp32"


class Precise:
    """A section with a `precision`, of which `auto` is settled where the section is made, so that no run holds it."""

    precision: Precision

    def __post_init__(self) -> None:
        object.__setattr__(self, "precision", number_format(self.precision))


def formats(section: Any, where: str) -> Iterator[tuple[str, Precision]]:  # noqa: ANN401 - any section of a recipe
    """Yield the key and the number format of a section and of those inside it, wherever one has a `precision`."""
    if isinstance(section, Precise):
        yield f"{where}.precision", section.precision
    for item in fields(section):
        part = getattr(section, item.name)
        if is_dataclass(part):
            yield from formats(part, f"{where}.{item.name}")


def unsettled(section: Any) -> Any:  # noqa: ANN401 - any value of a recipe
    """Return a section, such as one that is a default, as keys that leave its number formats to the machine."""
    if not is_dataclass(section):
        return section
    keys = {item.name: unsettled(getattr(section, item.name)) for item in fields(section)}
    return keys | ({"precision": "auto"} if isinstance(section, Precise) else {})


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Return how many threads one computation takes here: as torch, what `OMP_NUM_THREADS` says, else a processor each.

    More than there are processors are never worth having.
    """
    told = os.environ.get("OMP_NUM_THREADS", "")
    return min(processors(), int(told)) if told.isdecimal() and int(told) else processors()


def gpus() -> int:
    """Return how many GPUs torch would use. It is imported only where there may be some."""
    if not any(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/dxg").exists():
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


@cache
def multiplies_bf16() -> bool:
    """Return whether the GPU that would be used, else the processor, multiplies bf16 by instructions of its own.

    Without them torch still computes in bf16, converting each number: 1.2 GFLOP/s on one core of 59 in fp32.
    """
    if gpus():
        import torch

        return torch.cuda.get_device_capability() >= _OLDEST_CUDA
    return not _BF16.isdisjoint(_processor())


def _processor() -> set[str]:
    """Return the names of what the processor can do as Linux says them; empty elsewhere."""
    try:
        found = _FLAGS.search(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return set()
    return set(found[1].split()) if found else set()
