"""`store`: what a customer pays. Four kinds in the same words, told apart by what they say, each best solved otherwise.

The kind stands in the facts alone. `single`: one kilogram of something whose price is told. `listed`: several of it.
`house`: several of something whose price is not told and is the same in every story of this family. `options`: several
of something without a known price, so that only the bills that are offered help, of which one divides by the kilograms.
Every story tells two prices, a 1 and a larger number beside the customer and the weight, and three bills, and names
three goods, one of them twice, so that single words and numbers say little of the kind.

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

PARTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "prices": (
        ("They", "Here they", "Today they", "Now they"),
        (" sell {thing} at {n}", " offer {thing} at {n}", " have {thing} at {n}", " list {thing} at {n}"),
        (" and {thing2} at {n2}", ", also {thing2} at {n2}", ", but {thing2} at {n2}", ", with {thing2} at {n2}"),
        (" dollars a kg.", " dollars per kg."),
    ),
    "buys": (
        ("Customer {n}", "Guest {n}", "Client {n}", "Buyer {n}"),
        (" buys {n2} kg", " takes {n2} kg", " wants {n2} kg", " needs {n2} kg"),
        (" of {thing}.", " of {thing} here.", " of {thing} today.", " of {thing} now."),
    ),
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
    "aside": (
        ("The shop", "The hall", "The street", "The market"),
        (" lacks", " likes", " loves", " misses"),
        (" {thing}.", " {thing} here.", " {thing} today.", " {thing} now."),
    ),
}  # fmt: skip
"""Sentence -> its parts; any of each place goes with any of the others."""
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
    good, told = _goods(rng, kind)
    quantity = 1 if kind == "single" else rng.randint(2, MOST)
    customer = 1 if quantity > 1 else rng.randint(2, MOST)
    price = told.get(good) or HOUSE.get(good) or rng.randint(2, DEAREST)
    bills = _bills(rng, kind, quantity, price, HOUSE.get(good))
    (first, cost), (second, cost2) = told.items()
    said: dict[str, dict[str, str | int]] = {
        "prices": {"thing": first, "n": cost, "thing2": second, "n2": cost2},
        "buys": {"n": customer, "n2": quantity, "thing": good},
        "offers": dict(zip(("n", "n2", "n3"), bills, strict=True)),
        "aside": {"thing": _named_aside(rng, good, told)},
        "asks": {},
    }
    order = ["prices", "buys", "offers"]
    order.insert(rng.randrange(4), "aside")
    story = Story()
    for sentence in (*order, "asks"):
        story.say(rng.choice(wordings(sentence, new=bool(settings["new_wordings"]))), **said[sentence])
    facts = {"kind": kind, "good": good, "quantity": quantity, "told": list(told.items()), "bills": bills}
    steps = {"single": 1, "listed": 1, "house": 2, "options": BILLS}[kind]
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


def _named_aside(rng: random.Random, good: str, told: Mapping[str, int]) -> str:
    """Return the good of the sentence that says nothing: with it every story names three, and one of them twice."""
    there = {good, *told}
    return rng.choice([one for one in (*HOUSE, *OTHERS) if (one in there) == (good not in told)])


def _bills(rng: random.Random, kind: str, quantity: int, price: int, house: int | None) -> list[int]:
    """Return three bills, the right one among them, each a price times up to `MOST` kilograms whatever the kind."""
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
    left = BILLS - 1 - len(wrong)
    bills = [right, *wrong, *rng.sample([bill for bill in others if bill not in wrong], left)]
    rng.shuffle(bills)
    return bills


FAMILY = Family(
    name="store",
    domain="mathematics",
    answer_kind="number",
    bounds={"new_wordings": Parameter(0, 0, 1)},
    generate=draft,
)
