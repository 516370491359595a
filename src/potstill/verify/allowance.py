"""The seconds that one verdict may take in all, shared by everything that is compared for it."""

from __future__ import annotations

import time


class SpentError(Exception):
    """Nothing of an allowance is left."""


class Allowance:
    """Seconds of work, in the thread that made it and in workers; waiting for a turn or for a processor is free.

    `workers` says whether anything may be handed to a worker at all.
    """

    __slots__ = ("_began", "_charged", "_seconds", "workers")

    def __init__(self, seconds: float, *, workers: bool = True) -> None:
        self._seconds = seconds
        self._charged = 0.0
        self._began = time.thread_time()
        self.workers = workers

    @property
    def left(self) -> float:
        """The seconds that remain; zero or less once all are spent."""
        return self._seconds - self._charged - (time.thread_time() - self._began)

    def check(self) -> None:
        """Raise `SpentError` where nothing is left."""
        if self.left <= 0:
            raise SpentError

    def charge(self, seconds: float) -> None:
        """Count what a worker took."""
        self._charged += seconds

    def without_workers(self) -> Allowance:
        """Return what is left, for work in this process alone."""
        return Allowance(self.left, workers=False)
