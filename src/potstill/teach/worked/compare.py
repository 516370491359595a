"""Worked solutions of `compare`."""

from __future__ import annotations

from itertools import pairwise

from potstill.problems.families.family import apply
from potstill.teach.worked.solver import Facts, Solver, Template, Worked, undo, wrong_way


def forward(facts: Facts, solver: Solver) -> Worked:
    """Go from the known person to the one asked for."""
    people, value = facts["people"], facts["base"]
    lines = [f"{people[0]} is {value}."]
    for name, (sign, n) in zip(people[1:], facts["steps"], strict=True):
        lines += wrong_way(solver, value, sign, n)
        text, value = solver.equation(value, sign, n)
        lines.append(f"{name} is {text}.")
    return Worked(lines, str(value), undo(value, facts["steps"]))


def planned(facts: Facts, solver: Solver) -> Worked:
    """Go back from the person asked for to the known one, then calculate."""
    people, value = facts["people"], facts["base"]
    needs = [f"{name} needs {before}" for before, name in pairwise(people)]
    lines = [f"{', '.join(reversed(needs))}.", f"{people[0]}: {value}."]
    for name, (sign, n) in zip(people[1:], facts["steps"], strict=True):
        lines += wrong_way(solver, value, sign, n)
        text, value = solver.equation(value, sign, n)
        lines.append(f"{name}: {text}.")
    return Worked(lines, str(value), undo(value, facts["steps"]))


def related(facts: Facts, solver: Solver) -> Worked:
    """Say each relation in words before its equation."""
    said = {"+": "{n} above {before}", "-": "{n} below {before}", "*": "{n} times {before}", "/": "{before} over {n}"}
    people, value = facts["people"], facts["base"]
    lines = [f"We know {people[0]} = {value}."]
    for before, name, (sign, n) in zip(people[:-1], people[1:], facts["steps"], strict=True):
        lines += wrong_way(solver, value, sign, n)
        text, value = solver.equation(value, sign, n)
        lines.append(f"{name} is {said[sign].format(n=n, before=before)}: {text}.")
    return Worked(lines, str(value), undo(value, facts["steps"]))


def shifted(facts: Facts, solver: Solver) -> Worked:
    """Join neighbouring additions and subtractions into one where their sum is not below zero."""
    people, value = facts["people"], facts["base"]
    steps = [tuple(step) for step in facts["steps"]]
    lines, at = [f"Take {people[0]} as {value}."], 0
    while at < len(steps):
        sign, n = steps[at]
        if at + 1 < len(steps) and sign == "+" and steps[at + 1][0] in "+-" and apply(n, *steps[at + 1]) > 0:
            joint, n = solver.equation(n, *steps[at + 1])
            lines.append(f"From {people[at]} to {people[at + 2]} it is {joint} more.")
            at += 1
        text, value = solver.equation(value, sign, n)
        lines.append(f"{people[at + 1]} is {text}.")
        at += 1
    return Worked(lines, str(value), undo(value, facts["steps"]))


def _goal(facts: Facts) -> str:
    return f"We look for the {facts['topic']} of {facts['people'][-1]}."


TEMPLATE = Template({"forward": forward, "planned": planned, "related": related, "shifted": shifted}, _goal)
