"""`torchrun --nproc-per-node N -m potstill.train RECIPE --out RUN`: a run whose trainings are those of N processes.

Process 0 is `potstill run RECIPE --out RUN`; the others wait for its trainings and take part in them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from potstill.errors import PotstillError
from potstill.train.job import Job, Log, stopped_by_sigterm


class _Silent:
    def resume_at(self, count: int) -> None:
        """Process 0 shows it."""

    def figures(self, values: Log) -> None:
        """Process 0 shows it."""

    def advance(self, n: int = 1, note: str = "") -> None:
        """Process 0 shows it."""


def main(argv: Sequence[str]) -> int:
    """Return the exit code of this process."""
    if "RANK" not in os.environ:
        print(
            "potstill: python -m potstill.train is what torchrun starts; on one machine set train.processes and use "
            "`potstill run`",
            file=sys.stderr,
        )
        return 2
    from potstill.train import ranks

    us = ranks.by_torchrun()
    if us.number == 0:
        from potstill.cli import main as command

        code = command(["run", *argv])
        if code == 0:
            us.same(None)  # there will be no more
            ranks.leave()
        return code
    from potstill.train.trainer import follow

    job: Job | None
    while (job := us.same(None)) is not None:
        # process 0 says what it was, and ends all of them where it does not go on
        with stopped_by_sigterm() as stop, suppress(PotstillError):
            follow(job, us, _Silent(), stop)
    ranks.leave()
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # threads of libraries may wait for processes that are gone
