"""Worked solutions of `row`."""

from __future__ import annotations

from collections.abc import Sequence

from potstill.problems.families.row import move
from potstill.teach.worked.solver import Facts, Solver, Template, Worked


def _show(row: Sequence[str]) -> str:
    return ", ".join(row)


def _after(solver: Solver, row: Sequence[str], kind: str, who: Sequence[str]) -> list[str]:
    """Return the row after the move; an injected error leaves two neighbours exchanged."""
    after = move(row, kind, *who)
    if solver.errs():
        at = solver.rng.randrange(len(after) - 1)
        after[at], after[at + 1] = after[at + 1], after[at]
    return after


def _confuse(solver: Solver, row: Sequence[str], kind: str, who: Sequence[str]) -> list[str]:
    """Return a false start: the person goes to the other end."""
    if kind == "swap":
        return []
    other = "back" if kind == "front" else "front"
    place = "end" if kind == "front" else "front"
    return solver.false_start(f"{who[0]} to the {place} would give {_show(move(row, other, *who))}")


def _walk(facts: Facts, solver: Solver, first: str, said: dict[str, str]) -> Worked:
    """Write the row after each move; `said` words each kind, with slots number, a and b."""
    row = list(facts["row"])
    lines = [f"{first} {_show(row)}."]
    for number, (kind, *who) in enumerate(facts["moves"], 1):
        if solver.omits():
            continue
        lines += _confuse(solver, row, kind, who)
        row = _after(solver, row, kind, who)
        lines.append(f"{said[kind].format(number=number, a=who[0], b=who[-1])}: {_show(row)}.")
    return Worked(lines, _show(row), f"Check: all {len(row)} are still there, {row[0]} first and {row[-1]} last.")


def rows(facts: Facts, solver: Solver) -> Worked:
    """Name the move shortly, then the row."""
    return _walk(facts, solver, "Start:", {"swap": "Swap {a} and {b}", "front": "{a} to front", "back": "{a} to end"})


def numbered(facts: Facts, solver: Solver) -> Worked:
    """Number the moves."""
    said = {
        "swap": "Move {number}, {a} with {b}",
        "front": "Move {number}, {a} first",
        "back": "Move {number}, {a} last",
    }
    return _walk(facts, solver, "The row is", said)


def told(facts: Facts, solver: Solver) -> Worked:
    """Tell each move as a sentence."""
    said = {
        "swap": "{a} and {b} change places, which gives",
        "front": "{a} steps to the front, which gives",
        "back": "{a} steps to the end, which gives",
    }
    return _walk(facts, solver, "At first the row is", said)


def places(facts: Facts, solver: Solver) -> Worked:
    """Look up the places of those who move."""
    row = list(facts["row"])
    lines = [f"Places: {_show(row)}."]
    for kind, *who in facts["moves"]:
        if solver.omits():
            continue
        lines += _confuse(solver, row, kind, who)
        where = " and ".join(f"{name} from place {row.index(name) + 1}" for name in who)
        goes = {"swap": "exchanged", "front": "to place 1", "back": f"to place {len(row)}"}[kind]
        row = _after(solver, row, kind, who)
        lines.append(f"{where} {goes}: {_show(row)}.")
    return Worked(lines, _show(row), f"Check: all {len(row)} are still there, {row[0]} first and {row[-1]} last.")


def _goal(facts: Facts) -> str:
    return f"We keep the order of all {len(facts['row'])}."


TEMPLATE = Template({"rows": rows, "numbered": numbered, "told": told, "places": places}, _goal)
