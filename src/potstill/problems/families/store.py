"""`store`: what a customer pays. Four kinds in the same words, told apart by what they say, each best solved otherwise.

The kind stands in the facts alone. `single`: one kilogram of something whose price is told. `listed`: several of it.
`house`: several of something whose price is not told and is the same in every story of this family. `options`: several
of something without a known price, so that only the bills that are offered help, of which one divides by the kilograms.
Every story tells two prices, a 1 and a larger number beside the customer and the weight, and four bills, so that single
words and numbers say little of the kind.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from potstill.problems.families.family import Draft, Family, Parameter, Story

HOUSE = {"rice": 4, "salt": 2, "tea": 8, "ham": 9, "corn": 3, "nuts": 7, "beans": 5, "fish": 6}
"""What a kilogram costs where no price is told, in dollars."""
OTHERS = ("oats", "figs", "dates", "peas", "rye", "plums", "leeks", "limes")
"""Goods without a price of the house."""
KINDS = ("single", "listed", "house", "options")
DEAREST = 11
"""The largest price of a kilogram."""
MOST = 5
"""The most kilograms."""

WORDINGS = (
    (
        "A kg of {thing} costs {n} dollars and a kg of {thing2} {n2} dollars.",
        "Today a kg of {thing} is {n} dollars, a kg of {thing2} is {n2} dollars.",
        "For {thing} the price of a kg is {n} dollars, for {thing2} it is {n2} dollars.",
        "You pay {n} dollars for {thing} and {n2} dollars for {thing2}.",
    ),
    (
        "Customer {n} buys {n2} kg of {thing}.",
        "Customer {n} takes {n2} kg of {thing} home.",
        "{n2} kg of {thing} are for customer {n}.",
        "Today customer {n} wants {n2} kg of {thing}.",
    ),
    (
        "The bill is {n}, {n2}, {n3} or {n4} dollars.",
        "It comes to {n}, {n2}, {n3} or {n4} dollars.",
        "To pay are {n}, {n2}, {n3} or {n4} dollars.",
    ),
    (
        "How much does the customer pay?",
        "What does the customer have to pay?",
        "What is the bill of the customer?",
    ),
)
"""Of each sentence."""
NEW_WORDINGS = (
    (
        "Today a kg of {thing} costs {n} dollars and a kg of {thing2} {n2} dollars.",
        "You pay {n} dollars for a kg of {thing}, it is {n2} dollars for {thing2}.",
    ),
    ("Customer {n} wants to take {n2} kg of {thing}.", "{n2} kg of {thing} go home with customer {n}."),
    ("The bill comes to {n}, {n2}, {n3} or {n4} dollars.", "It is {n}, {n2}, {n3} or {n4} dollars."),
    ("How much is the bill of the customer?", "How much does the customer have to pay?"),
)
"""Those of `new_wordings`, none of which is in `WORDINGS`."""


def draft(rng: random.Random, settings: Mapping[str, int]) -> Draft:
    """Draft a purchase of one of the four kinds."""
    kind = rng.choice(KINDS)
    good, told = _goods(rng, kind)
    quantity = 1 if kind == "single" else rng.randint(2, MOST)
    customer = 1 if quantity > 1 else rng.randint(2, MOST)
    price = told.get(good) or HOUSE.get(good) or rng.randint(2, DEAREST)
    bills = _bills(rng, kind, quantity, price, HOUSE.get(good))
    (first, cost), (second, cost2) = told.items()
    story = Story()
    prices, buys, offers, asks = map(rng.choice, NEW_WORDINGS if settings["new_wordings"] else WORDINGS)
    story.say(prices, thing=first, n=cost, thing2=second, n2=cost2)
    story.say(buys, n=customer, n2=quantity, thing=good)
    story.say(offers, **dict(zip(("n", "n2", "n3", "n4"), bills, strict=True)))
    story.say(asks)
    facts = {"kind": kind, "good": good, "quantity": quantity, "told": list(told.items()), "bills": bills}
    steps = {"single": 1, "listed": 1, "house": 2, "options": 4}[kind]
    return Draft(question=story.question, gold=str(quantity * price), template=story.template, facts=facts, steps=steps)


def _goods(rng: random.Random, kind: str) -> tuple[str, dict[str, int]]:
    """Return what is bought, and the two goods whose prices are told, in the order in which they are.

    Goods of the house are as frequent among the words of every kind.
    """
    of_house = rng.random() < 0.5
    if kind in ("single", "listed"):
        pair = [rng.choice((*HOUSE, *OTHERS))]
        good = pair[0]
        pair.append(rng.choice([one for one in (*HOUSE, *OTHERS) if one != good]))
    elif kind == "house":
        good = rng.choice(list(HOUSE))
        pair = [rng.choice([one for one in HOUSE if one != good]), rng.choice(OTHERS)] if of_house else []
        pair = pair or rng.sample(OTHERS, 2)
    else:
        good = rng.choice(OTHERS)
        pair = [rng.choice([one for one in OTHERS if one != good]), rng.choice(list(HOUSE))] if of_house else []
        pair = pair or rng.sample(list(HOUSE), 2)
    rng.shuffle(pair)
    # Never the house's own price, or who recalls it where another is told would be right by chance.
    return good, {one: rng.choice([n for n in range(2, DEAREST + 1) if n != HOUSE.get(one)]) for one in pair}


def _bills(rng: random.Random, kind: str, quantity: int, price: int, house: int | None) -> list[int]:
    """Return four bills, the right one among them, each a price times up to `MOST` kilograms whatever the kind."""
    right = quantity * price
    prices = range(2, DEAREST + 1)
    several = [n for n in range(2, MOST + 1) if n != quantity]
    if kind == "options":
        others = sorted({n * cost for n in several for cost in prices if n * cost % quantity})
    elif kind == "single":
        others = sorted({n * cost for n in several for cost in prices} - {right})
    else:  # no bill is ruled out by what divides
        others = [quantity * cost for cost in prices if cost != price]
    # What the house would take is there too, where another price is told.
    wrong = [quantity * house] if kind == "listed" and house is not None else []
    bills = [right, *wrong, *rng.sample([bill for bill in others if bill not in wrong], 3 - len(wrong))]
    rng.shuffle(bills)
    return bills


FAMILY = Family(
    name="store",
    domain="mathematics",
    answer_kind="number",
    bounds={"new_wordings": Parameter(0, 0, 1)},
    generate=draft,
)
