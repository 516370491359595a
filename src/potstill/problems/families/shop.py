"""`shop`: prices a piece, several articles, then change, money left, a coupon or a delivery fee."""

from __future__ import annotations

import random
from collections.abc import Mapping

from potstill.problems.families.family import NAMES, Draft, Family, Parameter, Story

ARTICLES = (
    ("pen", "pens"), ("cup", "cups"), ("ball", "balls"), ("book", "books"), ("cake", "cakes"), ("hat", "hats"),
    ("lamp", "lamps"), ("map", "maps"), ("bag", "bags"), ("ring", "rings"), ("pie", "pies"), ("toy", "toys"),
)  # fmt: skip
PRICES = (
    "A {thing} costs {n} dollars.",
    "One {thing} is {n} dollars.",
    "The shop sells a {thing} for {n} dollars.",
)
BUYS = (
    "{name} buys {basket}.",
    "{name} takes {basket}.",
    "{name} orders {basket}.",
)
ENDS = {
    "change": (
        "{name} pays with {n} dollars. How many dollars of change does {name} get?",
        "{name} hands over {n} dollars. How many dollars come back?",
    ),
    "left": (
        "{name} had {n} dollars. How many dollars are left?",
        "Before that {name} had {n} dollars. How many dollars does {name} still have?",
    ),
    "coupon": (
        "A coupon takes {n} dollars off. How many dollars does {name} pay?",
        "The bill is lowered by {n} dollars. How many dollars are paid?",
    ),
    "delivery": (
        "Delivery costs {n} dollars. How many dollars does {name} pay in all?",
        "A gift box adds {n} dollars. How many dollars is the bill?",
    ),
}


def draft(rng: random.Random, settings: Mapping[str, int]) -> Draft:
    """Draft a purchase of `min_items` to `max_items` articles."""
    name = rng.choice(NAMES)
    count = rng.randint(settings["min_items"], settings["max_items"])
    story, lines = Story(), []
    wording = rng.choice(PRICES)
    for one, many in rng.sample(ARTICLES, count):
        price, quantity = rng.randint(2, settings["price"]), rng.randint(2, settings["quantity"])
        story.say(wording, thing=one, n=price)
        lines.append((many, price, quantity))
    slots = [f"{{n{i}}} {{thing{i}}}" for i in range(count)]
    basket = " and ".join([", ".join(slots[:-1]), slots[-1]])
    amounts: dict[str, object] = {f"n{i}": quantity for i, (_, _, quantity) in enumerate(lines)}
    things: dict[str, object] = {f"thing{i}": many for i, (many, _, _) in enumerate(lines)}
    story.say(rng.choice(BUYS).replace("{basket}", basket), name=name, **amounts, **things)
    total = sum(price * quantity for _, price, quantity in lines)
    end = rng.choice(tuple(ENDS))
    n, answer = _finish(rng, end, total, max(price * quantity for _, price, quantity in lines))
    story.say(rng.choice(ENDS[end]), name=name, n=n)
    facts = {"name": name, "lines": lines, "end": end, "amount": n}
    return Draft(question=story.question, gold=str(answer), template=story.template, facts=facts, steps=2 * count)


def _finish(rng: random.Random, end: str, total: int, dearest: int) -> tuple[int, int]:
    """Return (amount named in the question, answer); a coupon stays below the dearest line."""
    if end == "delivery":
        amount = rng.randint(2, 15)
        return amount, total + amount
    if end == "coupon":
        amount = rng.randint(2, min(15, dearest - 1))
        return amount, total - amount
    amount = total + rng.randint(2, 30)
    return amount, amount - total


FAMILY = Family(
    name="shop",
    domain="mathematics",
    answer_kind="number",
    bounds={
        "min_items": Parameter(2, 2, 4),
        "max_items": Parameter(2, 2, 4),
        "price": Parameter(9, 2, 99),
        "quantity": Parameter(5, 2, 12),
    },
    generate=draft,
)
