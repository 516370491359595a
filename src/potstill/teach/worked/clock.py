"""Worked solutions of `clock`."""

from __future__ import annotations

from potstill.problems.families.clock import show
from potstill.teach.worked.solver import Facts, Solver, Template, Worked


def _clock(hour: int, minute: int) -> str:
    return show(60 * hour + minute)


def _forth(solver: Solver, hour: int, minute: int, n: int) -> tuple[str, int, int]:
    text, minute = solver.equation(minute, "+", n)
    if minute < 60:
        return text, hour, minute
    carry, minute = solver.equation(minute, "-", 60)
    return f"{text}, {carry}", hour + 1, minute


def _back(solver: Solver, hour: int, minute: int, n: int) -> tuple[str, int, int]:
    borrow = ""
    if minute < n:
        text, minute = solver.equation(minute, "+", 60)
        borrow, hour = f"{text}, ", hour - 1
    text, minute = solver.equation(minute, "-", n)
    return f"{borrow}{text}", hour, minute


def _minute_by_step(facts: Facts, solver: Solver, first: str, wording: str) -> Worked:
    """Move the clock by one duration a sentence; `first` has slot time, `wording` has way, n, text and then."""
    hour, minute = divmod(facts["time"], 60)
    shift, way = (_forth, "Plus") if facts["forward"] else (_back, "Minus")
    lines = [first.format(time=_clock(hour, minute))]
    for n in facts["durations"]:
        if solver.omits():
            continue
        before = _clock(hour, minute)
        wrong = show(60 * hour + minute + (-n if facts["forward"] else n))
        other = "minus" if facts["forward"] else "plus"
        lines += solver.false_start(f"{before} {other} {n} minutes is {wrong}")
        text, hour, minute = shift(solver, hour, minute, n)
        lines.append(wording.format(way=way, n=n, text=text, then=_clock(hour, minute)))
    return Worked(lines, _clock(hour, minute), _check(facts, hour, minute))


def _check(facts: Facts, hour: int, minute: int) -> str:
    now, n = 60 * hour + minute, facts["durations"][-1]
    if facts["forward"]:
        return f"Check: {show(now)} minus {n} minutes is {show(now - n)}, as before."
    return f"Check: {show(now)} plus {n} minutes is {show(now + n)}, as before."


def carry(facts: Facts, solver: Solver) -> Worked:
    """Add or take away the minutes, carry or borrow an hour."""
    return _minute_by_step(facts, solver, "From {time}.", "{text}, so {then}.")


def spoken(facts: Facts, solver: Solver) -> Worked:
    """Say the same with the minutes named."""
    return _minute_by_step(facts, solver, "The clock shows {time}.", "{way} {n} minutes: {text}. That gives {then}.")


def together(facts: Facts, solver: Solver) -> Worked:
    """Add all durations first, then move the clock once."""
    durations = facts["durations"]
    total, sums = durations[0], []
    for n in durations[1:]:
        if solver.omits():
            continue
        text, total = solver.equation(total, "+", n)
        sums.append(text)
    lines = [f"{', '.join(sums)} minutes in all." if sums else f"{total} minutes in all."]
    hour, minute = divmod(facts["time"], 60)
    hours = 0
    while total >= 60:
        text, total = solver.equation(total, "-", 60)
        hours += 1
        lines.append(f"{text}, so {hours} h and {total} minutes.")
    if hours:
        before = _clock(hour, minute)
        hour += hours if facts["forward"] else -hours
        lines.append(f"{before} {'plus' if facts['forward'] else 'minus'} {hours} h is {_clock(hour, minute)}.")
    text, hour, minute = (_forth if facts["forward"] else _back)(solver, hour, minute, total)
    lines.append(f"{text}, so {_clock(hour, minute)}.")
    return Worked(lines, _clock(hour, minute), _check(facts, hour, minute))


def to_the_hour(facts: Facts, solver: Solver) -> Worked:
    """Go to the full hour first, then the rest."""
    hour, minute = divmod(facts["time"], 60)
    lines = [f"It is {_clock(hour, minute)}."]
    for n in facts["durations"]:
        if solver.omits():
            continue
        if facts["forward"] and minute + n >= 60:
            gap, first = solver.equation(60, "-", minute)
            rest, minute = solver.equation(n, "-", first)
            hour += 1
            lines.append(f"{gap} to {_clock(hour, 0)}, {rest}, so {_clock(hour, minute)}.")
        elif not facts["forward"] and 0 < minute < n:
            rest, left = solver.equation(n, "-", minute)
            text, minute = solver.equation(60, "-", left)
            lines.append(f"Back to {_clock(hour, 0)}, {rest}, {text}, so {_clock(hour - 1, minute)}.")
            hour -= 1
        else:
            text, hour, minute = (_forth if facts["forward"] else _back)(solver, hour, minute, n)
            lines.append(f"{text}, so {_clock(hour, minute)}.")
    return Worked(lines, _clock(hour, minute), _check(facts, hour, minute))


def _goal(facts: Facts) -> str:
    return "We go forward in time." if facts["forward"] else "We go back in time."


TEMPLATE = Template({"carry": carry, "spoken": spoken, "together": together, "to_the_hour": to_the_hour}, _goal)
