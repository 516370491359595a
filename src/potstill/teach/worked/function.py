"""Worked solutions of `function`: each step in Python, then the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from potstill.problems.families.function import ENDS, KEEPS, Step, expression, mistaken, program_of
from potstill.teach.worked.solver import Facts, Solver, Template, Worked

Written = Callable[[str, Sequence[Step]], str]


def _read(facts: Facts, solver: Solver) -> tuple[list[Step], list[str]]:
    """Return the steps as they are taken, an injected error among them, and false starts."""
    steps: list[Step] = []
    doubts: list[str] = []
    for step in facts["steps"]:
        end = step[0] in ENDS
        if not end and solver.omits():
            continue
        other = mistaken(step)
        if not end:
            doubts += solver.false_start(f"One could write {expression(other)}")
        steps.append(other if solver.errs() else step)
    return steps, doubts


def _said(step: Step) -> str:
    if step[0] in ENDS:
        return f"Return {expression(step)}."
    return f"{'Keep' if step[0] in KEEPS else 'Change to'} {expression(step)}."


def _worked(facts: Facts, solver: Solver, say: Callable[[int, Step], str], write: Written) -> Worked:
    steps, doubts = _read(facts, solver)
    lines = [say(number, step) for number, step in enumerate(steps, 1)]
    program = write(facts["function"], steps)
    return Worked([*doubts, *lines], f"```python\n{program}\n```", f"Check: {len(steps)} steps, the last one returns.")


def comprehensions(facts: Facts, solver: Solver) -> Worked:
    """Write one comprehension a step."""
    return _worked(facts, solver, lambda number, step: _said(step), program_of)


def loop(facts: Facts, solver: Solver) -> Worked:
    """Write one loop over the numbers."""
    return _worked(facts, solver, lambda number, step: f"{number}. {_said(step)}", _loop)


def named(facts: Facts, solver: Solver) -> Worked:
    """Write a comprehension a step, and name what it makes."""
    return _worked(facts, solver, lambda number, step: f"Step {number}: {_said(step)}", _named)


def _loop(name: str, steps: Sequence[Step]) -> str:
    lines = [f"def {name}(xs):", "    found = []", "    for x in xs:"]
    for step in steps[:-1]:
        said = expression(step)
        lines += [f"        if not {said}:", "            continue"] if step[0] in KEEPS else [f"        x = {said}"]
    end = expression(steps[-1]).replace("xs", "found")
    return "\n".join([*lines, "        found.append(x)", f"    return {end}"])


def _named(name: str, steps: Sequence[Step]) -> str:
    lines, before = [f"def {name}(xs):"], "xs"
    for number, step in enumerate(steps[:-1], 1):
        said, here = expression(step), f"{'kept' if step[0] in KEEPS else 'made'}{number}"
        made = f"x for x in {before} if {said}" if step[0] in KEEPS else f"{said} for x in {before}"
        lines.append(f"    {here} = [{made}]")
        before = here
    return "\n".join([*lines, f"    return {expression(steps[-1]).replace('xs', before)}"])


def _goal(facts: Facts) -> str:
    return f"We write {facts['function']} step by step."


TEMPLATE = Template({"comprehensions": comprehensions, "loop": loop, "named": named}, _goal, answer="{}")
