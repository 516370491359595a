"""Who calculates: true results, except for one injected error, and now and then a false start."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from potstill.problems.families.family import apply

Facts = Mapping[str, Any]
ErrorKind = Literal["", "result", "omission"]
_DOUBTS = (
    "Wait, that is not right.",
    "No, that is the wrong way round.",
    "Hold on, that is a mistake.",
)


@dataclass(frozen=True, slots=True)
class Worked:
    """A worked solution: sentences, the answer they lead to, and a sentence that checks it."""

    lines: list[str]
    answer: str
    check: str = ""


Strategy = Callable[[Facts, "Solver"], Worked]


@dataclass(frozen=True, slots=True)
class Template:
    """How one family is taught: its strategies by name, the plain and shortest first, and how the goal is restated.

    `answer` says how the answer is stated. `ways` are those of the strategy `strategies` that it can be asked for by
    name; unlike its own strategies they need not lead to the right answer.
    """

    strategies: Mapping[str, Strategy]
    goal: Callable[[Facts], str]
    answer: str = "The answer is {}."
    ways: Mapping[str, Strategy] = field(default_factory=dict)


class Solver:
    """Does the calculations of one solution and counts where it could err, leave out a step or start wrongly.

    `error` names the one mistake, made at the `error_at`-th chance for it; `doubt_at` the chance for a false start that
    is taken (None: none). `rng` draws the kind of mistake, never the course of the solution, which is therefore the
    same with and without one up to the mistake.
    """

    def __init__(
        self, rng: random.Random, error: ErrorKind = "", error_at: int | None = None, doubt_at: int | None = None
    ) -> None:
        self.rng = rng
        self.error, self.error_at, self.doubt_at = error, error_at, doubt_at
        self.results = 0
        self.steps = 0
        self.doubts = 0

    def errs(self) -> bool:
        """Whether the result about to be written comes out wrong."""
        self.results += 1
        return self.error == "result" and self.results - 1 == self.error_at

    def omits(self) -> bool:
        """Whether the step about to be done is forgotten."""
        self.steps += 1
        return self.error == "omission" and self.steps - 1 == self.error_at

    def result(self, a: int, sign: str, b: int) -> int:
        """Return `a` sign `b`, or a near miss where this is the injected error."""
        true = apply(a, sign, b)
        if not self.errs():
            return true
        near = [true + miss for miss in (-10, -2, -1, 1, 2, 10) if true + miss >= 0]
        return self.rng.choice(near)

    def equation(self, a: int, sign: str, b: int) -> tuple[str, int]:
        """Return (`a sign b = c`, c)."""
        c = self.result(a, sign, b)
        return f"{a} {sign} {b} = {c}", c

    def false_start(self, attempt: str) -> list[str]:
        """Return the sentences of an abandoned attempt where this is the chance taken, else nothing.

        `attempt` is a true statement about the wrong thing, so that no false arithmetic is ever taught on purpose.
        """
        self.doubts += 1
        if self.doubts - 1 != self.doubt_at:
            return []
        return [f"{attempt}.", self.rng.choice(_DOUBTS)]


OPPOSITE = {"+": "-", "-": "+", "*": "/", "/": "*"}


def wrong_way(solver: Solver, value: int, sign: str, n: int) -> list[str]:
    """Return a false start that takes the opposite operation, where that gives a whole number of at least 0."""
    other = OPPOSITE[sign]
    if (other == "/" and value % n) or (other == "-" and value < n):
        return []
    return solver.false_start(f"{value} {other} {n} = {apply(value, other, n)}")


def undo(value: int, steps: list[tuple[str, int]]) -> str:
    """Return the sentence that undoes the last of `steps` from the final `value`, arriving where that step began."""
    sign, n = steps[-1]
    before = apply(value, OPPOSITE[sign], n)
    return f"Check: {value} {OPPOSITE[sign]} {n} = {before}, as before."
