"""Worked solutions of `shop`."""

from __future__ import annotations

from potstill.teach.worked.solver import Facts, Solver, Template, Worked


def _line_total(solver: Solver, price: int, quantity: int) -> tuple[str, int]:
    return solver.equation(quantity, "*", price)


def _settle(facts: Facts, solver: Solver, total: int) -> tuple[list[str], int]:
    """Return the last equation, from the total to the answer."""
    amount = facts["amount"]
    if facts["end"] == "delivery":
        text, value = solver.equation(total, "+", amount)
        return [f"{text}."], value
    if facts["end"] == "coupon":
        attempt = solver.false_start(f"{total} + {amount} = {total + amount}")
        text, value = solver.equation(total, "-", amount)
        return [*attempt, f"{text}."], value
    attempt = solver.false_start(f"{amount} + {total} = {amount + total}")
    text, value = solver.equation(amount, "-", total)
    return [*attempt, f"{text}."], value


def _check(facts: Facts, value: int, total: int) -> str:
    amount = facts["amount"]
    if facts["end"] == "delivery":
        return f"Check: {value} - {amount} = {value - amount}, the price of the goods."
    if facts["end"] == "coupon":
        return f"Check: {value} + {amount} = {value + amount}, the price of the goods."
    return f"Check: {value} + {total} = {value + total}, the money there was."


def totals(facts: Facts, solver: Solver) -> Worked:
    """Price each article's pieces, add up, settle."""
    lines, total = [], 0
    for thing, price, quantity in facts["lines"]:
        if solver.omits():
            continue
        text, cost = _line_total(solver, price, quantity)
        line = f"{thing.capitalize()}: {text}."
        if total:
            text, total = solver.equation(total, "+", cost)
            line += f" {text}."
        else:
            total = cost
        lines.append(line)
    settled, value = _settle(facts, solver, total)
    return Worked([*lines, *settled], str(value), _check(facts, value, total))


def bill_first(facts: Facts, solver: Solver) -> Worked:
    """Write the whole bill, then the sum, then settle."""
    costs, parts = [], []
    for thing, price, quantity in facts["lines"]:
        if solver.omits():
            continue
        text, cost = _line_total(solver, price, quantity)
        costs.append(cost)
        parts.append(f"{quantity} {thing} are {text} dollars")
    lines, total = [f"{' and '.join(parts)}."], costs[0]
    for cost in costs[1:]:
        text, total = solver.equation(total, "+", cost)
        lines.append(f"Together {text}.")
    settled, value = _settle(facts, solver, total)
    return Worked([*lines, *settled], str(value), _check(facts, value, total))


def piece_by_piece(facts: Facts, solver: Solver) -> Worked:
    """Replace each product by repeated addition."""
    lines, total = [], 0
    for thing, price, quantity in facts["lines"]:
        if solver.omits():
            continue
        cost, sums = price, []
        for _ in range(quantity - 1):
            text, cost = solver.equation(cost, "+", price)
            sums.append(text)
        lines.append(f"{quantity} {thing}: {', '.join(sums)}.")
        if total:
            text, total = solver.equation(total, "+", cost)
            lines.append(f"{text}.")
        else:
            total = cost
    settled, value = _settle(facts, solver, total)
    return Worked([*lines, *settled], str(value), _check(facts, value, total))


def running(facts: Facts, solver: Solver) -> Worked:
    """Carry the money through the purchase: from the purse down, or from the fee up."""
    amount, end = facts["amount"], facts["end"]
    if end == "coupon":
        return _coupon_first(facts, solver)
    sign = "+" if end == "delivery" else "-"
    value = amount
    lines = [f"{'The extra is' if end == 'delivery' else 'The money is'} {amount} dollars."]
    for thing, price, quantity in facts["lines"]:
        if solver.omits():
            continue
        text, cost = _line_total(solver, price, quantity)
        after, value = solver.equation(value, sign, cost)
        lines.append(f"After the {thing}, {text}: {after}.")
    total = sum(price * quantity for _, price, quantity in facts["lines"])
    return Worked(lines, str(value), _check(facts, value, total))


def _coupon_first(facts: Facts, solver: Solver) -> Worked:
    """Take the coupon off the dearest article, then add the others."""
    amount = facts["amount"]
    (thing, price, quantity), *others = sorted(facts["lines"], key=lambda line: -line[1] * line[2])
    text, cost = _line_total(solver, price, quantity)
    lower, value = solver.equation(cost, "-", amount)
    lines = [f"Coupon on the {thing}: {text}, {lower}."]
    for other, price, quantity in others:
        if solver.omits():
            continue
        text, cost = _line_total(solver, price, quantity)
        after, value = solver.equation(value, "+", cost)
        lines.append(f"After the {other}, {text}: {after}.")
    total = sum(price * quantity for _, price, quantity in facts["lines"])
    return Worked(lines, str(value), _check(facts, value, total))


def _goal(facts: Facts) -> str:
    asked = {"change": "the change", "left": "the money left", "coupon": "the lower bill", "delivery": "the full bill"}
    return f"We look for {asked[facts['end']]}."


TEMPLATE = Template(
    {"totals": totals, "bill_first": bill_first, "running": running, "piece_by_piece": piece_by_piece}, _goal
)
