"""What a probe measured of one student on this machine: seconds of training steps and of sampling, and memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from potstill.planning.figures import Figure
from potstill.recipe import Recipe
from potstill.records import content_key

SPREAD = 0.2
"""Share by which a step of other rows, or of a machine that others use too, takes more or less than was probed."""
MEMORY_SPREAD = 0.12
"""The same of memory: what holes between blocks take differs from run to run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Seconds and bytes of one student in one precision.

    A micro-batch of n rows, the longest of T tokens, takes `call + token n T + pair n T^2` seconds, an optimiser step
    `step` more, a training `start`; its largest micro-batch takes `held + held_token n T + held_pair n T^2` bytes.
    Sampling takes `write_call + write_row n` a token of n rows side by side, and `read` a token of prompts.
    """

    call: float
    token: float
    pair: float
    step: float
    start: float
    held: float
    held_token: float
    held_pair: float
    write_call: float
    write_row: float
    read: float
    held_sampling: float

    def training(self, batches: Iterable[tuple[int, int]], steps: int, share: float = 1.0) -> Figure:
        """Return the seconds of a training of `steps` steps whose micro-batches are `batches`, `share` times."""
        each = sum(self.call + self.token * n * longest + self.pair * n * longest**2 for n, longest in batches)
        return _around(self.start + share * each + self.step * steps, SPREAD, "the steps that --probe timed")

    def peak(self, rows: int, tokens: int) -> Figure:
        """Return the bytes that the process of a training takes at its largest."""
        held = self.held + self.held_token * rows * tokens + self.held_pair * rows * tokens**2
        return _around(held, MEMORY_SPREAD, "the steps that --probe measured")

    def most_rows(self, tokens: int, free: float) -> int:
        """Return how many rows of `tokens` tokens fit into `free` bytes."""
        row = self.held_token * tokens + self.held_pair * tokens**2
        return max(0, int((free - self.held) // max(row, 1.0)))

    def sampling(self, responses: float, together: int, prompt: float, length: float) -> float:
        """Return the seconds of `responses` responses of `length` tokens after prompts of `prompt`."""
        written = length * (self.write_call / together + self.write_row)
        return responses * (written + self.read * prompt)


def _around(value: float, spread: float, how: str) -> Figure:
    return Figure(value=value, low=value * (1 - spread), high=value * (1 + spread), basis="measured", how=how)


def key_of(recipe: Recipe) -> str:
    """Return a key of what decides the speed of a student: which one, its precision and its adapters."""
    student = recipe.student
    lora = None if student.lora is None else dataclasses.asdict(student.lora)
    scratch = None if student.scratch is None else dataclasses.asdict(student.scratch)
    return content_key("probe", student.model, scratch, lora, recipe.train.precision)


def read(noted: Mapping[str, Any]) -> dict[str, Timing]:
    """Return timings by their keys from what was noted; nothing of another machine or version."""
    try:
        return {key: Timing(**each) for key, each in noted.items()}
    except TypeError:
        return {}
