"""`function`: small functions on a list of numbers, told step by step, with tests that the question does not show."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from potstill.problems.families.family import Draft, Family, Parameter, Story

Step = Sequence[Any]
"""The name of a step and, of some, its number: `["over", 4]`."""
KEEPS: dict[str, tuple[str, tuple[str, ...], Callable[[int, int], bool]]] = {
    "even": ("x % 2 == 0", ("keeps the even ones", "drops all that are not even"), lambda x, n: x % 2 == 0),
    "odd": ("x % 2 == 1", ("keeps the odd ones", "drops all that are not odd"), lambda x, n: x % 2 == 1),
    "over": ("x > {n}", ("keeps those above {n}", "drops all that are not above {n}"), lambda x, n: x > n),
    "under": ("x < {n}", ("keeps those below {n}", "drops all that are not below {n}"), lambda x, n: x < n),
}
CHANGES: dict[str, tuple[str, tuple[str, ...], Callable[[int, int], int]]] = {
    "plus": ("x + {n}", ("adds {n} to each", "raises each by {n}"), lambda x, n: x + n),
    "minus": ("x - {n}", ("takes {n} from each", "lowers each by {n}"), lambda x, n: x - n),
    "times": ("x * {n}", ("multiplies each by {n}", "makes each {n} times as large"), lambda x, n: x * n),
    "square": ("x * x", ("squares each", "multiplies each by itself"), lambda x, n: x * x),
    "negate": ("-x", ("negates each", "turns the sign of each"), lambda x, n: -x),
}
ENDS: dict[str, tuple[str, tuple[str, ...], Callable[[list[int]], object]]] = {
    "sum": ("sum(xs)", ("returns their sum", "returns what they add up to"), sum),
    "count": ("len(xs)", ("returns how many are left", "returns their number"), len),
    "list": ("xs", ("returns the list", "returns what is left"), list),
    "sorted": ("sorted(xs)", ("returns them from the smallest to the largest", "returns them sorted"), sorted),
    "reversed": ("xs[::-1]", ("returns them from the last to the first", "returns them in reverse"), lambda x: x[::-1]),
}  # fmt: skip
BEGINS = (
    "Write a function {function} that takes a list of numbers,",
    "Define {function}. It gets a list of whole numbers,",
)
NAMES_OF_FUNCTIONS = ("f", "g", "work", "solve", "run")
OPPOSITE = {"even": "odd", "odd": "even", "over": "under", "under": "over", "plus": "minus", "minus": "plus",
            "times": "plus", "square": "negate", "negate": "square", "sum": "count", "count": "sum", "list": "reversed",
            "sorted": "list", "reversed": "list"}  # fmt: skip
"""What a step may be mistaken for."""


def mistaken(step: Step) -> Step:
    """Return what a step may be mistaken for."""
    return [OPPOSITE[step[0]], step[1] if len(step) > 1 else 2]


TESTS = 6
_LONGEST = 9


def expression(step: Step) -> str:
    """Return a step in Python, of one number `x` or of the list `xs`."""
    table = KEEPS if step[0] in KEEPS else CHANGES if step[0] in CHANGES else ENDS
    return table[step[0]][0].replace("{n}", str(step[1]) if len(step) > 1 else "")


def apply_steps(xs: Sequence[int], steps: Sequence[Step]) -> object:
    """Return what the steps make of a list; the last one is an end."""
    values = list(xs)
    for step in steps[:-1]:
        n = step[1] if len(step) > 1 else 0
        if step[0] in KEEPS:
            keep = KEEPS[step[0]][2]
            values = [x for x in values if keep(x, n)]
        else:
            change = CHANGES[step[0]][2]
            values = [change(x, n) for x in values]
    return ENDS[steps[-1][0]][2](values)


def program_of(name: str, steps: Sequence[Step]) -> str:
    """Return the function as a program of one comprehension a step."""
    lines = [f"def {name}(xs):"]
    for step in steps[:-1]:
        said = expression(step)
        lines.append(f"    xs = [x for x in xs if {said}]" if step[0] in KEEPS else f"    xs = [{said} for x in xs]")
    return "\n".join([*lines, f"    return {expression(steps[-1])}"])


def draft(rng: random.Random, settings: Mapping[str, int]) -> Draft:
    """Draft a function of `min_steps` to `max_steps` steps before its end, with `number` as the largest in a step."""
    story, name = Story(), rng.choice(NAMES_OF_FUNCTIONS)
    steps, lists = _steps(rng, settings), _lists(rng)
    while not _each_matters(steps, lists):
        steps, lists = _steps(rng, settings), _lists(rng)
    story.say(rng.choice(BEGINS), function=name)
    for number, step in enumerate(steps):
        wording = rng.choice((KEEPS | CHANGES | ENDS)[step[0]][1])
        last = number == len(steps) - 1
        story.say(f"{'and ' if last else ''}{wording}{'.' if last else ','}", n=step[1] if len(step) > 1 else 0)
    calls = [{"function": name, "arguments": [xs], "expected": apply_steps(xs, steps)} for xs in lists]
    facts = {"function": name, "steps": steps, "tests": {"calls": calls}}
    return Draft(
        question=story.question, gold=program_of(name, steps), template=story.template, facts=facts, steps=len(steps)
    )


def _steps(rng: random.Random, settings: Mapping[str, int]) -> list[Step]:
    steps: list[list[Any]] = []
    while len(steps) < rng.randint(settings["min_steps"], settings["max_steps"]):
        kind = rng.choice([*KEEPS, *CHANGES])
        if not steps or steps[-1][0] != kind:
            needs = kind in ("over", "under", "plus", "minus", "times")
            steps.append([kind, rng.randint(2, settings["number"])] if needs else [kind])
    return [*steps, [rng.choice(tuple(ENDS))]]


def _lists(rng: random.Random) -> list[list[int]]:
    """Return what the function is tested on: the empty list, and others."""
    return [[], *([rng.randint(-20, 20) for _ in range(rng.randint(4, _LONGEST))] for _ in range(TESTS - 1))]


def _each_matters(steps: Sequence[Step], lists: Sequence[list[int]]) -> bool:
    """Whether the tests tell the function from one with a step left out, or taken for another."""
    right = [apply_steps(xs, steps) for xs in lists]
    others = [[*steps[:at], mistaken(steps[at]), *steps[at + 1 :]] for at in range(len(steps))]
    others += [[*steps[:at], *steps[at + 1 :]] for at in range(len(steps) - 1)]
    return all([apply_steps(xs, other) for xs in lists] != right for other in others)


FAMILY = Family(
    name="function",
    domain="code",
    answer_kind="code",
    bounds={
        "min_steps": Parameter(1, 1, 5),
        "max_steps": Parameter(3, 1, 5),
        "number": Parameter(9, 2, 20),
    },
    generate=draft,
)
