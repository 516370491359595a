"""Worked solutions of `chain`."""

from __future__ import annotations

from potstill.teach.worked.solver import Facts, Solver, Template, Worked, undo, wrong_way

_SAID = {
    "+": "{n} more come in",
    "-": "{n} go away",
    "*": "It becomes {n} times as many",
    "/": "One of {n} equal parts stays",
}


def equations(facts: Facts, solver: Solver) -> Worked:
    """Return one equation a step."""
    value, lines = facts["start"], [f"Start with {facts['start']}."]
    for sign, n in facts["steps"]:
        if solver.omits():
            continue
        lines += wrong_way(solver, value, sign, n)
        text, value = solver.equation(value, sign, n)
        lines.append(f"{text}.")
    return Worked(lines, str(value), undo(value, facts["steps"]))


def narrated(facts: Facts, solver: Solver) -> Worked:
    """Say what happens, then the equation."""
    value, lines = facts["start"], [f"{facts['name']} starts with {facts['start']} {facts['thing']}."]
    for sign, n in facts["steps"]:
        if solver.omits():
            continue
        lines += wrong_way(solver, value, sign, n)
        text, value = solver.equation(value, sign, n)
        lines.append(f"{_SAID[sign].format(n=n)}: {text}.")
    return Worked(lines, str(value), undo(value, facts["steps"]))


def counted(facts: Facts, solver: Solver) -> Worked:
    """Number the steps and say the running value after each."""
    value, lines = facts["start"], []
    for number, (sign, n) in enumerate(facts["steps"], 1):
        if solver.omits():
            continue
        lines += wrong_way(solver, value, sign, n)
        text, value = solver.equation(value, sign, n)
        lines.append(f"Step {number}: {text}.")
    return Worked(lines, str(value), undo(value, facts["steps"]))


def by_tens(facts: Facts, solver: Solver) -> Worked:
    """Split two-digit numbers into tens and ones."""
    value, lines = facts["start"], [f"At first {facts['start']}."]
    for sign, n in facts["steps"]:
        if solver.omits():
            continue
        lines += wrong_way(solver, value, sign, n)
        tens, ones = n - n % 10, n % 10
        if sign in "+-" and tens and ones:
            text, value = solver.equation(value, sign, tens)
            more, value = solver.equation(value, sign, ones)
            lines.append(f"{text}, {more}.")
        elif sign == "*" and value > 10 and value % 10:
            upper, high = solver.equation(value - value % 10, "*", n)
            lower, low = solver.equation(value % 10, "*", n)
            text, value = solver.equation(high, "+", low)
            lines.append(f"{upper}, {lower}, {text}.")
        else:
            text, value = solver.equation(value, sign, n)
            lines.append(f"{text}.")
    return Worked(lines, str(value), undo(value, facts["steps"]))


def _goal(facts: Facts) -> str:
    return f"We follow the number of {facts['thing']} of {facts['name']}."


TEMPLATE = Template({"equations": equations, "narrated": narrated, "counted": counted, "by_tens": by_tens}, _goal)
