"""What a plan is made for: this machine, or an accelerator by its name from `gpus.yaml`."""

from __future__ import annotations

import functools
import platform
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from potstill.errors import PotstillError, nearest
from potstill.hardware import threads
from potstill.models.local.memory import available_memory
from potstill.planning.figures import Figure, assumed, known

SHARE_OF_PEAK = (0.15, 0.30, 0.45)
"""Of an accelerator's peak, what a training step reaches: OpenThinker-7B's published hours are 4%, unpacked and with
offloading; packed runs of 7B on an H100 report 35 to 45%."""
SHARE_OF_BANDWIDTH = (0.3, 0.6, 0.8)
"""Of the memory's bandwidth, what sampling one token after the other reaches."""
CORE = {"fp32": (5e9, 25e9, 60e9), "bf16": (10e9, 50e9, 190e9)}
"""FLOP/s of a processor core in a training step. SmolLM2-135M in bf16 reached 140 a core, the pocket student in fp32 35
(docs/log.md); a core without bf16 instructions, or beside others' work, a tenth."""
CORE_BANDWIDTH = (3e9, 8e9, 20e9)
"""Bytes a second from memory to one core."""
USABLE = 0.92
"""Of an accelerator's memory; the rest is taken by its driver and lost in holes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a run would run: bytes of memory that one process may take, FLOP/s and bytes/s by precision."""

    name: str
    kind: Literal["cpu", "gpu"]
    memory: Figure | None
    bandwidth: Figure
    bf16: Figure
    fp32: Figure
    rent: Figure | None = None
    """US dollars an hour."""

    def flops(self, precision: str) -> Figure:
        """Return the FLOP/s that a training step reaches."""
        return self.bf16 if precision == "bf16" else self.fp32


def here() -> Target:
    """Return this machine as plans take it: its processor cores, as many as this process may use, and free memory."""
    count, free = threads(), available_memory()
    speeds = {
        precision: _assumed(found, count, f"{count} cores of unknown speed; --probe measures")
        for precision, found in CORE.items()
    }
    return Target(
        name=f"{count} cores of this machine ({platform.machine()})", kind="cpu",
        memory=None if free is None else known(free, "free on this machine now"),
        bandwidth=_assumed(CORE_BANDWIDTH, count, f"{count} cores"), **speeds,
    )  # fmt: skip


def _assumed(found: tuple[float, float, float], times: int, how: str) -> Figure:
    low, value, high = (each * times for each in found)
    return assumed(low, value, high, how)


def gpu(name: str) -> Target:
    """Return an accelerator of the table.

    Raises:
        PotstillError: it has no such name.
    """
    table = gpus()
    found = {known_name.casefold(): known_name for known_name in table}.get(name.casefold())
    if found is None:
        raise PotstillError(f"--gpu: there is no {name!r} in the table{nearest(name, list(table))}")
    about, (low, usual, high) = table[found], SHARE_OF_PEAK
    peak, band = about["bf16"] * 1e12, about["bandwidth"] * 1e12
    speed = assumed(low * peak, usual * peak, high * peak, f"{low:.0%} to {high:.0%} of {about['bf16']} TFLOP/s")
    slow, mean, fast = SHARE_OF_BANDWIDTH
    return Target(
        name=found, kind="gpu", memory=known(USABLE * about["memory"] * 1e9, f"{USABLE:.0%} of {about['memory']} GB"),
        bandwidth=assumed(slow * band, mean * band, fast * band, f"{slow:.0%} to {fast:.0%} of {band / 1e12:g} TB/s"),
        rent=_rent(about.get("rent")),
        bf16=speed, fp32=speed.times(1 / 8).told(f"an eighth of bf16: {speed.how}"),
    )  # fmt: skip


def _rent(found: list[float] | None) -> Figure | None:
    if found is None:
        return None
    low, usual, high = found
    return assumed(low, usual, high, "an hour as clouds asked in 2025, no offer")


@functools.cache
def gpus() -> dict[str, dict[str, Any]]:
    """Return the table of accelerators by name."""
    import yaml

    text = resources.files("potstill.planning").joinpath("gpus.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))
