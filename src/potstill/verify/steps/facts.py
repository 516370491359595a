"""Exact labels of steps, where a problem's own facts say what every step has to come to: our families of one number.

In `chain` and `compare` one number is changed step by step, so a right solution passes through its values in order. A
step that states the next value by true arithmetic on the right numbers is right; one that states something else is
wrong, also where its arithmetic is true (a change left out, a number of somebody else). What is stated without any
equation or number says nothing that could be wrong, and has no label.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from potstill.problems.families.family import apply
from potstill.records import Problem
from potstill.verify.steps.arithmetic import check_steps

BEGINNINGS: Mapping[str, str] = {"family:chain": "start", "family:compare": "base"}
"""Source of a problem -> which of its facts is the first value; `steps` are the changes."""
_EQUATION = re.compile(r"(\d{1,9}) ?([-+*/]) ?(\d{1,9}) ?= ?(\d{1,9})(?![\d.,]\d)")
"""Such as `12 + 5 = 17`."""
_NUMBER = re.compile(r"\d{1,9}")
_DOUBT = re.compile(r"\b(?:wait|hold on|mistake|wrong)\b", re.IGNORECASE)
"""Behind an attempt that is taken back nothing is exact any more."""


def knows(problem: Problem) -> bool:
    """Whether the facts of a problem say what its steps have to come to."""
    return problem.source in BEGINNINGS


def exact_labels(problem: Problem, steps: Sequence[str]) -> tuple[bool | None, ...]:
    """Return for each step whether it is right, None where that is not said; behind the first wrong one all are None.

    Raises:
        ValueError, KeyError: these are no facts of the family.
    """
    facts: dict[str, Any] = json.loads(problem.facts)
    changes = [(str(sign), int(operand)) for sign, operand in facts["steps"]]
    first = int(facts[BEGINNINGS[problem.source]])
    values = list(accumulate(changes, lambda value, change: apply(value, *change), initial=first))
    found: list[bool | None] = []
    reached = 0
    for step, checked in zip(steps, check_steps(steps).steps, strict=True):
        if _DOUBT.search(step):
            break
        label, reached = _judged(step, values, changes, reached)
        found.append(False if checked.outcome == "wrong" else label)
        if found[-1] is False:
            break
    return (*found, *[None] * (len(steps) - len(found)))


def _judged(
    step: str, values: Sequence[int], changes: Sequence[tuple[str, int]], reached: int
) -> tuple[bool | None, int]:
    """Return whether a step is right behind value number `reached`, and which value is reached by it."""
    equations = [(int(a), sign, int(b), int(c)) for a, sign, b, c in _EQUATION.findall(step)]
    if not equations:
        numbers = [int(number) for number in _NUMBER.findall(step)]
        if reached or len(numbers) != 1 or not re.search(r"\b(?:start|starts|first|has|is)\b", step, re.IGNORECASE):
            return None, reached
        return numbers[0] == values[0], reached
    a, sign, b, last = equations[-1]
    if reached == len(changes):  # a check of the end, or a change too many
        return (True, reached) if "check" in step.lower() else (False, reached)
    if last != values[reached + 1]:
        return False, reached
    if len(equations) > 1:  # one change in several parts, such as tens and ones
        return True, reached + 1
    wanted = (values[reached], *changes[reached])
    swapped = (wanted[2], wanted[1], wanted[0]) if sign in "+*" else wanted
    return (a, sign, b) in (wanted, swapped), reached + 1
