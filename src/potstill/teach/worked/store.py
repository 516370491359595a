"""Worked solutions of `store`, and the same by one named way for every kind, right only where that way suits."""

from __future__ import annotations

from dataclasses import replace

from potstill.problems.families.store import DEAREST, HOUSE
from potstill.teach.worked.solver import Facts, Solver, Template, Worked


def _price(facts: Facts) -> int | None:
    """Return the price that is told, else that of the house, None where there is neither."""
    told = dict(facts["told"])
    return told.get(facts["good"]) or HOUSE.get(facts["good"])


def _check(facts: Facts, answer: int) -> str:
    return f"Check: {answer} / {facts['quantity']} = {answer // facts['quantity']}, the price of one."


def _ruled_out(facts: Facts, solver: Solver, wordings: tuple[str, str]) -> Worked:
    """Rule out the bills that the kilograms do not divide; `wordings` are of a bill that goes and of the one left."""
    quantity, bills = facts["quantity"], facts["bills"]
    left = next(bill for bill in bills if bill % quantity == 0)
    if solver.errs():
        left = solver.rng.choice([bill for bill in bills if bill != left])
    said = [
        wordings[0].format(n=bill, quantity=quantity, q=bill // quantity, r=bill % quantity or quantity - 1)
        for bill in bills
        if bill != left
    ]
    doubted = solver.false_start(f"{quantity} * {left // quantity + 1} = {quantity * (left // quantity + 1)}")
    if solver.omits():
        said = said[1:]
        left = next(bill for bill in bills if bill != left)
    return Worked([*doubted, *said, wordings[1].format(left=left)], str(left), _check(facts, left))


def by_product(facts: Facts, solver: Solver) -> Worked:
    """Name the price and multiply; where there is none, see which bill divides."""
    price = _price(facts)
    if price is None:
        return _ruled_out(facts, solver, ("Not {n}: {quantity} * {q} and {r} more.", "So {left} is left."))
    quantity = facts["quantity"]
    lines = [f"A kg is {price} dollars.", *solver.false_start(f"{quantity} + {price} = {quantity + price}")]
    value = price
    if not solver.omits():
        text, value = solver.equation(quantity, "*", price)
        lines.append(f"{text}.")
    return Worked(lines, str(value), _check(facts, value))


def by_adding(facts: Facts, solver: Solver) -> Worked:
    """Add the price kilogram by kilogram."""
    price = _price(facts)
    if price is None:
        return _ruled_out(facts, solver, ("{n} has {q} in each and {r} over.", "{left} has none over."))
    lines = [f"{facts['good'].capitalize()}: {price} a kg.", *solver.false_start(f"{price} + 1 = {price + 1}")]
    value = price
    for _ in range(facts["quantity"] - 1):
        if solver.omits():
            continue
        text, value = solver.equation(value, "+", price)
        lines.append(f"{text}.")
    if facts["quantity"] == 1 and solver.errs():
        value += solver.rng.choice((-1, 1))
    return Worked([*lines, f"It is {value}."], str(value), _check(facts, value))


def by_bills(facts: Facts, solver: Solver) -> Worked:
    """Calculate, then look which bill it is."""
    price = _price(facts)
    if price is None:
        return _ruled_out(facts, solver, ("{n} is {quantity} * {q} + {r}, no.", "{left} it is."))
    quantity = facts["quantity"]
    lines = [f"It is {price} dollars a kg.", *solver.false_start(f"{price} - 1 = {price - 1}")]
    value = price
    if not solver.omits():
        text, value = solver.equation(price, "*", quantity)
        lines.append(f"{text}.")
    bills = ", ".join(str(bill) for bill in facts["bills"])
    return Worked([*lines, f"Of {bills} that is {value}."], str(value), _check(facts, value))


def extract(facts: Facts, solver: Solver) -> Worked:
    """Copy the price from the story, then multiply; where it has none of the good, another good's is taken."""
    told = dict(facts["told"])
    good = facts["good"] if facts["good"] in told else facts["told"][0][0]
    text, value = solver.equation(facts["quantity"], "*", told[good])
    return Worked([f"So {good} at {told[good]} dollars a kg.", f"{text}."], str(value))


def recall(facts: Facts, solver: Solver) -> Worked:
    """Write down what the house takes, whatever the story tells, then multiply; what it does not sell is made up."""
    told = dict(facts["told"]).get(facts["good"])
    made_up = solver.rng.choice([price for price in range(2, DEAREST + 1) if price != told])
    price = HOUSE.get(facts["good"], made_up)
    text, value = solver.equation(facts["quantity"], "*", price)
    return Worked([f"So {facts['good']} always costs {price} dollars.", f"{text}."], str(value))


def eliminate(facts: Facts, solver: Solver) -> Worked:
    """Rule out bills one by one; where all of them divide, for no good reason."""
    first = f"So {facts['good']} has no price."
    if sum(bill % facts["quantity"] == 0 for bill in facts["bills"]) == 1:
        work = _ruled_out(facts, solver, ("Not {n}: {quantity} * {q} and {r} more.", "So {left} is left."))
        return replace(work, lines=[first, *work.lines])
    left = solver.rng.choice(facts["bills"])
    said = [f"Not {bill}: too {'much' if bill > left else 'little'}." for bill in facts["bills"] if bill != left]
    return Worked([first, *said, f"So {left} is left."], str(left))


def direct(facts: Facts, solver: Solver) -> Worked:
    """Say the price of one kilogram that is told, else guess one of the bills."""
    told = dict(facts["told"]).get(facts["good"])
    value = told if told is not None and facts["quantity"] == 1 else solver.rng.choice(facts["bills"])
    return Worked([], str(value))


TEMPLATE = Template(
    {"by_product": by_product, "by_adding": by_adding, "by_bills": by_bills},
    lambda facts: f"We look for the price of {facts['quantity']} kg.",
    ways={
        "extract_then_compute": extract, "recall_then_generate": recall, "elimination": eliminate, "direct": direct,
    },
)  # fmt: skip
