"""What training on rows takes in FLOPs: the student's passes, and readings of a teacher of distributions."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from potstill.models.flops import ModelShape, read_flops, trained_flops

if TYPE_CHECKING:
    from potstill.train.rows import Rows


@dataclass(frozen=True, kw_only=True)
class Costs:
    """The costs of rows. A `teacher` reads a row each time it is trained, or `once` where what it said is stored.

    With `read_before` the student reads a row once more each time, before it is trained on it.
    """

    rows: Rows
    student: ModelShape
    teacher: ModelShape | None = None
    once: bool = False
    read_before: bool = False

    def spender(self) -> Callable[[int], int]:
        """Return what the row of an index costs, called for one row after the other as they are trained."""
        seen: set[int] = set()

        def cost(row: int) -> int:
            first = row not in seen
            seen.add(row)
            return self._trained(row) + (self._read(row) if first or not self.once else 0)

        return cost

    def counts(self, order: array[int]) -> dict[str, int]:
        """Return the FLOPs of all rows seen, and of them those that the stage of the stored distributions tells too."""
        trained = read = 0
        for row, times in enumerate(np.bincount(order).tolist()):
            trained += times * self._trained(row)
            read += (min(times, 1) if self.once else times) * self._read(row)
        return {"flops": trained + read, **({"captured_flops": read} if self.once else {})}

    def looked(self, rows: Sequence[int]) -> int:
        """Return the FLOPs of one look at some rows: those of the student, and of a teacher that runs beside it."""
        return sum(
            read_flops(self.student, int(self.rows.lengths[row]), int(self.rows.trained[row]))
            + (0 if self.once else self._read(row))
            for row in rows
        )

    def _trained(self, row: int) -> int:
        of = self.student, int(self.rows.lengths[row]), int(self.rows.trained[row])
        return trained_flops(*of) + (read_flops(*of) if self.read_before else 0)

    def _read(self, row: int) -> int:
        if self.teacher is None:
            return 0
        return read_flops(self.teacher, int(self.rows.lengths[row]), int(self.rows.trained[row]))
