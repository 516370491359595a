"""Worked solutions of `weekday`."""

from __future__ import annotations

from potstill.problems.families.weekday import DAYS
from potstill.teach.worked.solver import Facts, Solver, Template, Worked, wrong_way


def _sign(shift: int) -> str:
    return "+" if shift > 0 else "-"


def _choose(facts: Facts, day: int) -> tuple[str, str]:
    """Return the sentence that names the choice, and its letter."""
    letter = "ABCDEFG"[facts["choices"].index(DAYS[day % 7])]
    return f"{DAYS[day % 7]} is choice {letter}.", letter


def _total(facts: Facts, solver: Solver) -> tuple[list[str], int]:
    """Return the equations of the days from today to the last event, and their number."""
    shifts = facts["shifts"]
    days, lines = shifts[0], []
    for shift in shifts[1:]:
        if solver.omits():
            continue
        lines += wrong_way(solver, days, _sign(shift), abs(shift))
        text, days = solver.equation(days, _sign(shift), abs(shift))
        lines.append(f"{text}.")
    return lines or [f"{_days(days)}."], days


def _weeks_off(solver: Solver, days: int) -> tuple[list[str], int]:
    """Return the equation that takes the full weeks off, and the days left (0 to 6 without an injected error)."""
    if days < 7:
        return [], days
    text, left = solver.equation(days, "-", days - days % 7)
    return [f"{text}."], left


def _arrive(solver: Solver, day: int) -> int:
    """Return the index of the day arrived at, one off where this is the injected error."""
    return (day + (1 if solver.errs() else 0)) % 7


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _name_days(today: int, days: int) -> str:
    if days == 0:
        return f"That is {DAYS[today]} again."
    return f"After {DAYS[today]}: {', '.join(DAYS[(today + i) % 7] for i in range(1, days + 1))}."


def count_on(facts: Facts, solver: Solver) -> Worked:
    """Add the days, take off full weeks, count on from today."""
    lines, days = _total(facts, solver)
    weeks, left = _weeks_off(solver, days)
    today = facts["today"]
    wrong = solver.false_start(f"{_days(left)} before {DAYS[today]} is {DAYS[(today - left) % 7]}") if left else []
    chosen, letter = _choose(facts, today + left)
    return Worked([*lines, *weeks, *wrong, _name_days(today, left), chosen], letter, _check(facts, today + left))


def by_number(facts: Facts, solver: Solver) -> Worked:
    """Give the days numbers from Monday = 1."""
    lines, days = _total(facts, solver)
    number = facts["today"] + 1
    text, place = solver.equation(number, "+", days)
    lines += [f"{DAYS[number - 1]} is day {number}.", f"{text}."]
    if place > 7:
        weeks = (place - 1) // 7
        text, place = solver.equation(place, "-", 7 * weeks)
        lines.append(f"{text}.")
    day = _arrive(solver, place - 1)
    chosen, letter = _choose(facts, day)
    return Worked([*lines, f"Day {place} is {DAYS[day]}.", chosen], letter, _check(facts, day))


def event_by_event(facts: Facts, solver: Solver) -> Worked:
    """Name the weekday of every event on the way."""
    day, lines = facts["today"], [f"Today is {DAYS[facts['today']]}."]
    for shift in facts["shifts"]:
        if solver.omits():
            continue
        weeks, left = _weeks_off(solver, abs(shift))
        if left:
            way, wrong = ("back", day - left) if shift > 0 else ("on", day + left)
            lines += solver.false_start(f"{_days(abs(shift))} {way} is {DAYS[wrong % 7]}")
        day = _arrive(solver, day + (left if shift > 0 else -left))
        lines += [*weeks, f"{_days(left)} {'on' if shift > 0 else 'back'} is {DAYS[day]}."]
    chosen, letter = _choose(facts, day)
    return Worked([*lines, chosen], letter, _check(facts, day))


def _check(facts: Facts, day: int) -> str:
    back = sum(facts["shifts"]) % 7
    return f"Check: {_days(back)} before {DAYS[day % 7]} is {DAYS[(day - back) % 7]}, today."


def _goal(facts: Facts) -> str:
    return f"We look for the day of the {facts['event']}."


TEMPLATE = Template({"count_on": count_on, "by_number": by_number, "event_by_event": event_by_event}, _goal)
