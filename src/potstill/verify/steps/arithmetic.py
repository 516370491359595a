"""The calculator: recomputes the arithmetic that steps state, and names the first wrong one.

A step is wrong only if an equation in it is false under every way to read it. Where the reader cannot be sure (a
variable, a function, a label before a number), the step is unknown, never wrong.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from potstill.verify.steps.comparison import OF_LEFT, Rounded, StepChecked, judge
from potstill.verify.steps.expressions import Reading, UnreadableError, value
from potstill.verify.steps.statements import Equation, Side, equations

MAX_CHARACTERS = 50_000
"""A longer step is not read: its outcome is unknown."""
MAX_EQUATIONS = 2_000
"""Equations of one step that are read; what comes after them is not."""


@dataclass(frozen=True, slots=True)
class StepsChecked:
    """What the calculator says of each step; `first_wrong_step` counts from 0, None where none is wrong."""

    first_wrong_step: int | None
    steps: tuple[StepChecked, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What earlier steps settled: rounded numbers, letters with one value, and the letters that had two."""

    rounded: Rounded = field(default_factory=dict)
    names: dict[str, Fraction] = field(default_factory=dict)
    ambiguous: set[str] = field(default_factory=set)

    def name(self, letter: str, stated: Fraction) -> None:
        """Give a letter a value; one that has another value already is never read again."""
        if self.names.get(letter, stated) != stated or letter in self.ambiguous:
            self.ambiguous.add(letter)
            self.names.pop(letter, None)
        else:
            self.names[letter] = stated


def check_steps(steps: Sequence[str]) -> StepsChecked:
    """Recompute the arithmetic that each step states. Never raises; takes time linear in the text."""
    known = _Known()
    checked = tuple(_check_step(step, known) for step in steps)
    wrong = next((number for number, step in enumerate(checked) if step.outcome == "wrong"), None)
    return StepsChecked(wrong, checked)


def _check_step(step: str, known: _Known) -> StepChecked:
    """Judge the equations of a step up to the first false one.

    In a chain an unreadable side is stepped over, and behind a link in doubt nothing is called wrong, unless the doubt
    is of its left side.
    """
    if len(step) > MAX_CHARACTERS:
        return StepChecked("unknown", reason=f"longer than {MAX_CHARACTERS:,} characters")
    result = StepChecked("unknown", reason="no arithmetic that can be read")
    settled: dict[str, Side] = {}
    before, doubted, name = None, False, ""
    for equation in itertools.islice(equations(step, known.names), MAX_EQUATIONS):
        if not equation.joined:
            before, doubted, name = None, False, equation.name
        if name and equation.right.nodes:
            settled[name] = equation.right
        left = equation.left if equation.left.nodes else before
        if left is not None and _is_statement(equation, left):
            found = judge(replace(equation, left=left), known.rounded)
            if found.outcome == "wrong" and not doubted:
                return found
            doubted = doubted or (found.outcome == "unknown" and not _is_of_left(found, left, equation.right))
            if found.outcome == "right" or (found.outcome == "unknown" and result.outcome == "unknown"):
                result = found
        before = equation.right if equation.right.nodes else left
    for letter, side in settled.items():
        with contextlib.suppress(UnreadableError):
            known.name(letter, value(side.nodes[0], Reading(), {}))
    return result


def _is_of_left(found: StepChecked, left: Side, right: Side) -> bool:
    """Return whether a link is in doubt for its left side alone: of `Ann's age - 4 = 24 - 4 = 18` the rest stands."""
    return not right.doubtful and (left.doubtful or found.reason in OF_LEFT)


def _is_statement(equation: Equation, left: Side) -> bool:
    """Return whether both sides can be compared.

    Letters are followed only where the right side puts numbers in their places: `A + B = 13 + -84`.
    """
    if not equation.right.nodes or (equation.sign == "is" and not left.operators):
        return False
    return not equation.named or 0 < left.operators == equation.right.operators
