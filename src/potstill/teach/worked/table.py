"""Worked solutions of `table`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from potstill.problems.families.table import COLUMNS, Row, chosen, rounded, stated
from potstill.teach.worked.solver import Facts, Solver, Template, Worked

Wording = Callable[[int, Row], str]
"""What is said of a row that counts, by its number among them."""


def _start(facts: Facts, solver: Solver) -> list[str]:
    """Return a false start: a row that does not belong to the question."""
    if facts["ask"] == "group":
        first = facts["rows"][0]
        return solver.false_start(f"Row {first[0]} is of {first[1]}")
    at = COLUMNS.index(facts["column"])
    other = next((row for row in facts["rows"] if row[at] != facts["value"]), None)
    return [] if other is None else solver.false_start(f"Row {other[0]} has the {facts['column']} {other[at]}")


def _added(solver: Solver, total: int | None, value: int) -> tuple[str, int]:
    """Return (the equation that adds a value, with a space before it, or nothing for the first one, the new total)."""
    if total is None:
        return "", value
    text, total = solver.equation(total, "+", value)
    return f" {text}.", total


def _count(solver: Solver, count: int) -> int:
    return count + 1 if solver.errs() else count


def _lookup(facts: Facts, solver: Solver, say: Wording) -> tuple[list[str], dict[str, object]]:
    (row,) = chosen(facts)
    if solver.errs():  # the row beside it, with a value of its own
        rows = facts["rows"]
        at = next(number for number, other in enumerate(rows) if other is row or other == row)
        others = [*rows[at + 1 :], *rows[:at]]
        row = next((other for other in others if other[3:] != row[3:]), [*row[:4], row[4] + 1])
    return [say(1, row)], {"item": row[3], "quantity": row[4] or 0}


def _summed(facts: Facts, solver: Solver, say: Wording) -> tuple[list[str], dict[str, object]]:
    """Filter, mean and join: row by row, with the running total."""
    lines, total, count = [], None, 0
    for row in chosen(facts):
        if (row[4] is None and facts["ask"] == "mean") or solver.omits():
            continue
        count += 1
        line, value = say(count, row), row[4] or 0
        if facts["ask"] == "join" and value:
            text, value = solver.equation(value, "*", facts["prices"][row[3]])
            line += f" {text}."
        if value or total is None:
            text, total = _added(solver, total, value)
            line += text
        lines.append(line)
    count = _count(solver, count)
    lines.append(f"That is {count} {'row' if count == 1 else 'rows'}.")
    if facts["ask"] != "mean":
        return lines, {"count": count, "total": total or 0}
    mean = rounded(total or 0, count, facts["decimals"])
    lines.append(f"{total or 0} over {count}, rounded, is {mean}.")
    return lines, {"count": count, "mean": mean}


def _grouped(facts: Facts, solver: Solver, say: Wording) -> tuple[list[str], dict[str, object]]:
    lines, sums, count = [], dict[str, int](), 0
    for region in dict.fromkeys(row[2] for row in facts["rows"]):
        said, total = f"{region}:", None
        for row in facts["rows"]:
            if row[2] != region or row[4] is None or solver.omits():
                continue
            count += 1
            text, total = _added(solver, total, row[4])
            said += f" {say(count, row)}{text}"
        sums[region] = total or 0
        lines.append(said if total is not None else f"{said} nothing.")
    best = max(sums, key=sums.__getitem__)
    total = sums[best] + 1 if solver.errs() else sums[best]
    lines.append(f"{best} is the largest with {total}.")
    return lines, {"region": best, "total": total}


_SOLUTIONS = {"lookup": _lookup, "filter": _summed, "mean": _summed, "group": _grouped, "join": _summed}


def _worked(facts: Facts, solver: Solver, say: Wording) -> Worked:
    start = _start(facts, solver)
    lines, parts = _SOLUTIONS[facts["ask"]](facts, solver, say)
    last = list(parts.values())[-1]
    return Worked([*start, *lines], stated(parts), f"Check: all {len(facts['rows'])} rows were read for {last}.")


def _quantity(row: Sequence[Any]) -> str:
    return "nothing" if row[4] is None else str(row[4])


def rows(facts: Facts, solver: Solver) -> Worked:
    """Name each row by its id."""
    return _worked(facts, solver, lambda number, row: f"Row {row[0]}: {row[3]}, {_quantity(row)}.")


def numbered(facts: Facts, solver: Solver) -> Worked:
    """Number the rows that count."""
    return _worked(facts, solver, lambda number, row: f"{number}. {row[3]} {_quantity(row)}.")


def told(facts: Facts, solver: Solver) -> Worked:
    """Say who sold what."""
    return _worked(facts, solver, lambda number, row: f"{row[1]} in the {row[2]}: {_quantity(row)} {row[3]}.")


def _goal(facts: Facts) -> str:
    about = "every region" if facts["ask"] == "group" else f"the {facts['column']} {facts['value']}"
    return f"We read the rows of {about}."


TEMPLATE = Template({"rows": rows, "numbered": numbered, "told": told}, _goal)
