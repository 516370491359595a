"""`store`: what a customer pays. Four kinds in the same words, told apart by what they say, each best solved otherwise.

The kind stands in the facts alone. `single`: one kilogram of something whose price is told. `listed`: several of it.
`house`: several of something whose price is not told and is the same in every story of this family. `options`: several
of something without a known price, so that only the bills that are offered help, of which one divides by the kilograms.
Every story has a 1 and a larger number as customer and weight, a good with a price of the house and one without, one
bought and one only looked at, the price of one of them, and three bills. Whose price it is, which good is bought and
how many kilograms, is said by the order of the words of one clause, so that single words say little of the kind.

Each sentence is put together from parts. A quarter of the ways to do so is kept for `new_wordings`: there no sentence
is worded as one in training, though each of its parts is.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence

from potstill.problems.families.family import Draft, Family, Parameter, Story

HOUSE = {"rice": 5, "salt": 7, "tea": 8, "ham": 9, "corn": 10, "fish": 11}
"""What a kilogram costs where no price is told, in dollars."""
OTHERS = ("rye", "oil", "jam", "bran", "wax", "clay")
"""Goods without a price of the house."""
KINDS = ("single", "listed", "house", "options")
DEAREST = 11
"""The largest price of a kilogram."""
MOST = 4
"""The most kilograms."""
BILLS = 3
"""How many are offered."""

_WHO = ("Customer {n}", "Guest {n}", "Client {n}", "Buyer {n}")
_BUYS = (
    " buys {n2} kg of {thing}",
    " takes {n2} kg of {thing}",
    " wants {n2} kg of {thing}",
    " needs {n2} kg of {thing}",
)
_SEES = (" sees {thing2}", " likes {thing2}", " tries {thing2}", " praises {thing2}")
_PRICE = (" at {n3} dollars a kg", " at {n3} dollars per kg")
_LINK = (" and", ", but")
_END = (".",)
PARTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "told": (_WHO, _BUYS, _PRICE, _LINK, _SEES, _END),
    "told last": (_WHO, _SEES, _LINK, _BUYS, _PRICE, _END),
    "not told": (_WHO, _BUYS, _LINK, _SEES, _PRICE, _END),
    "not told last": (_WHO, _SEES, _PRICE, _LINK, _BUYS, _END),
    "offers": (
        ("The bill", "The sum", "The total", "The amount"),
        (" is", " comes to", " may be", " will be"),
        (" {n}, {n2} or {n3} dollars.", " {n}, {n2} or {n3} dollars then.", " {n}, {n2} or {n3} dollars in all."),
    ),
    "asks": (
        ("How much is", "What is", "So how much is", "So what is"),
        (" due", " owed", " to pay", " paid"),
        ("?", " here?", " now?"),
    ),
}  # fmt: skip
"""Sentence -> its parts; any of each place goes with any of the others. The price of what is bought is told or not: the
same words in another order, and what is bought is said first or last."""
_NEW = 4
"""One of so many ways to put a sentence together is new."""


def wordings(sentence: str, *, new: bool) -> Sequence[str]:
    """Return the ways to word a sentence, those of training or those that are new."""
    return _WORDINGS[sentence, new]


def _worded(parts: Sequence[Sequence[str]], *, new: bool) -> tuple[str, ...]:
    ways = itertools.product(*(enumerate(part) for part in parts))
    # By the sum of places, so that any two parts meet in training, whatever stands between them.
    chosen = (way for way in ways if (sum(place for place, _ in way) % _NEW == 0) == new)
    return tuple("".join(part for _, part in way) for way in chosen)


_WORDINGS = {(name, new): _worded(parts, new=new) for name, parts in PARTS.items() for new in (False, True)}


def draft(rng: random.Random, settings: Mapping[str, int]) -> Draft:
    """Draft a purchase of one of the four kinds."""
    kind = rng.choice(KINDS)
    good, seen = _goods(rng, kind)
    quantity = 1 if kind == "single" else rng.randint(2, MOST)
    customer = 1 if quantity > 1 else rng.randint(2, MOST)
    # Never the house's own price, or who recalls it where another is told would be right by chance.
    houses = HOUSE.get(good) or HOUSE[seen]
    cost = rng.choice([n for n in range(2, DEAREST + 1) if n != houses])
    is_told = kind in ("single", "listed")
    price = cost if is_told else HOUSE.get(good) or rng.randint(2, DEAREST)
    bills = _bills(rng, kind, quantity, price, HOUSE.get(good))
    buys = f"{'told' if is_told else 'not told'}{rng.choice(('', ' last'))}"
    said: dict[str, dict[str, str | int]] = {
        buys: {"n": customer, "n2": quantity, "thing": good, "thing2": seen, "n3": cost},
        "offers": dict(zip(("n", "n2", "n3"), bills, strict=True)),
        "asks": {},
    }
    story = Story()
    for sentence in (*rng.sample((buys, "offers"), 2), "asks"):
        story.say(rng.choice(wordings(sentence, new=bool(settings["new_wordings"]))), **said[sentence])
    told = [(good if is_told else seen, cost)]
    facts = {"kind": kind, "good": good, "quantity": quantity, "told": told, "bills": bills}
    steps = {"single": 1, "listed": 1, "house": 2, "options": BILLS}[kind]
    return Draft(question=story.question, gold=str(quantity * price), template=story.template, facts=facts, steps=steps)


def _goods(rng: random.Random, kind: str) -> tuple[str, str]:
    """Return what is bought and what is only looked at, one of the house and one of the others in every kind."""
    pair = (rng.choice(list(HOUSE)), rng.choice(OTHERS))
    buys_of_house = rng.random() < 0.5 if kind in ("single", "listed") else kind == "house"
    return pair if buys_of_house else (pair[1], pair[0])


def _bills(rng: random.Random, kind: str, quantity: int, price: int, house: int | None) -> list[int]:
    """Return three bills, the right one among them, each a price times up to `MOST` kilograms whatever the kind.

    Only of `options` the kilograms divide no other bill; else they divide one of the two.
    """
    right = quantity * price
    # One kilogram divides all: there another number does as if it were several, or the bills would tell it.
    divisor = quantity if quantity > 1 else rng.randint(2, MOST)
    products = sorted({n * cost for n in range(1, MOST + 1) for cost in range(2, DEAREST + 1)} - {right})
    others = [bill for bill in products if bill % divisor]
    if kind == "options":
        wrong = rng.sample(others, BILLS - 1)
    elif kind == "listed" and house is not None:  # what the house would take, where another price is told
        wrong = [quantity * house, rng.choice(others)]
    else:
        several = [divisor * cost for cost in range(2, DEAREST + 1) if divisor * cost != right]
        wrong = [rng.choice(several), rng.choice(others)]
    bills = [right, *wrong]
    rng.shuffle(bills)
    return bills


FAMILY = Family(
    name="store",
    domain="mathematics",
    answer_kind="number",
    bounds={"new_wordings": Parameter(0, 0, 1)},
    generate=draft,
)
