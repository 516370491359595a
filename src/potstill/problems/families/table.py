"""`table`: questions to a table of sales, by depth (look up, filter, average, group, join); several values are asked.

With `file: 1` the question names the files and shows nothing of them: they are among the problem's facts, under
`files`, and only who can open them can answer. A quantity may be missing; each question says what is then done.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from potstill.problems.families.family import NAMES, Draft, Family, Parameter, Story

REGIONS = ("North", "South", "East", "West")
ITEMS = ("lamp", "pen", "cup", "book", "map", "hat", "bag", "toy")
COLUMNS = ("id", "name", "region", "item", "quantity")
SHOWN = ("Here are the sales:\n{table}\n", "The table of sales:\n{table}\n")
SHOWN_PRICES = ("and the prices:\n{prices}\n",)
NAMED = (
    "The file {file} has the columns id, name, region, item, quantity.",
    "{file} lists sales with the columns id, name, region, item, quantity.",
)
NAMED_PRICES = ("The file {prices} has the columns item, price.",)
ASKS = {
    "lookup": (
        "Which item is in the row with id {n} (item), and how many of it (quantity)?",
        "What are the item (item) and the quantity (quantity) of the row with id {n}?",
    ),
    "filter": (
        "How many rows have the {column} {value} (count), and what is their total quantity (total)? "
        "Empty cells count as zero.",
        "For the {column} {value}, give the number of rows (count) and the sum of the quantity (total), "
        "an empty cell being zero.",
    ),
    "mean": (
        "What is the mean quantity for the {column} {value} (mean), rounded half up to {n} decimals, and of how many "
        "rows (count)? Rows without a quantity are left out.",
        "Leave out rows without a quantity. How many rows with the {column} {value} remain (count), and what is their "
        "mean quantity (mean), rounded half up to {n} decimals?",
    ),
    "group": (
        "Which region has the largest total quantity (region), and how much is it (total)? Empty cells count as zero.",
        "Add up the quantity of each region, an empty cell being zero. Which sum is the largest (total), and of which "
        "region (region)?",
    ),
    "join": (
        "How many rows have the name {value} (count), and what do they cost in all, quantity times price (total)? "
        "Empty cells count as zero.",
        "For the name {value}, give the number of rows (count) and the sum of quantity times price (total), an empty "
        "cell being zero.",
    ),
}  # fmt: skip
DEPTHS = tuple(ASKS)
"""What is asked, by depth from 1."""
Row = Sequence[Any]
"""id, name, region, item, and the quantity or None."""


def rounded(total: int, count: int, decimals: int) -> str:
    """Return total / count, both at least 0, rounded half up to so many decimals, as it is written: `4.70`."""
    scaled = (2 * total * 10**decimals + count) // (2 * count)
    digits = str(scaled).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits


def chosen(facts: Mapping[str, Any]) -> list[Row]:
    """Return the rows that a question is about: all of them for `group`."""
    if facts["ask"] == "group":
        return list(facts["rows"])
    at = COLUMNS.index(facts["column"])
    return [row for row in facts["rows"] if row[at] == facts["value"]]


def totals(rows: Sequence[Row]) -> dict[str, int]:
    """Return the total quantity of each region that occurs, in the order in which they come."""
    found: dict[str, int] = {}
    for row in rows:
        found[row[2]] = found.get(row[2], 0) + (row[4] or 0)
    return found


def stated(parts: Mapping[str, object]) -> str:
    """Return an answer of several values as it is written: `count: 3; total: 12`."""
    return "; ".join(f"{name}: {value}" for name, value in parts.items())


def _lookup(facts: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, object] | None:
    (row,) = rows
    return {"item": row[3], "quantity": row[4]} if row[4] is not None else None


def _filter(facts: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, object] | None:
    total = sum(row[4] or 0 for row in rows)
    return {"count": len(rows), "total": total} if len(rows) > 1 and total else None


def _mean(facts: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, object] | None:
    known = [row[4] for row in rows if row[4] is not None]
    if len(known) < 2:
        return None
    return {"count": len(known), "mean": rounded(sum(known), len(known), facts["decimals"])}


def _group(facts: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, object] | None:
    sums = totals(rows)
    first, second = sorted(sums.values(), reverse=True)[:2] if len(sums) > 1 else (0, 0)
    return {"region": max(sums, key=sums.__getitem__), "total": first} if first > second else None


def _join(facts: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, object] | None:
    total = sum((row[4] or 0) * facts["prices"][row[3]] for row in rows)
    return {"count": len(rows), "total": total} if len(rows) > 1 and total else None


_ANSWERS: dict[str, Callable[[Mapping[str, Any], Sequence[Row]], dict[str, object] | None]] = {
    "lookup": _lookup, "filter": _filter, "mean": _mean, "group": _group, "join": _join,
}  # fmt: skip


def answer(facts: Mapping[str, Any]) -> dict[str, object] | None:
    """Return the values that are asked for, by name; None where the rows do not settle them, or hold too few."""
    return _ANSWERS[facts["ask"]](facts, chosen(facts))


def draft(rng: random.Random, settings: Mapping[str, int]) -> Draft:
    """Draft a table of `min_rows` to `max_rows` rows and a question of depth `min_depth` to `max_depth`.

    `missing`: percent of quantities that are empty; `quantity`: the largest; `file`: 1 keeps the table in files.
    """
    parts = None
    while parts is None:
        facts = _facts(rng, settings)
        parts = answer(facts)
    story, ask = Story(), facts["ask"]
    sales, prices = _written(facts)
    if settings["file"]:
        number = rng.randint(10, 99)
        names = f"sales_{number}.csv", f"prices_{number}.csv"
        story.say(rng.choice(NAMED), file=names[0])
        if prices:
            story.say(rng.choice(NAMED_PRICES), prices=names[1])
        facts["files"] = {name: text for name, text in zip(names, (sales, prices), strict=True) if text}
    else:
        story.say(rng.choice(SHOWN), table=sales.strip())
        if prices:
            story.say(rng.choice(SHOWN_PRICES), prices=prices.strip())
    n = facts["decimals"] if ask == "mean" else facts["value"]
    story.say(rng.choice(ASKS[ask]), n=n, column=facts["column"], value=facts["value"])
    steps = {"lookup": 1, "group": len(facts["rows"]), "join": 2 * len(chosen(facts))}
    return Draft(
        question=story.question, gold=stated(parts), template=story.template, facts=facts,
        steps=steps.get(ask, len(chosen(facts))),
    )  # fmt: skip


def _facts(rng: random.Random, settings: Mapping[str, int]) -> dict[str, Any]:
    count = rng.randint(settings["min_rows"], settings["max_rows"])
    people = rng.sample(NAMES, 3)
    rows: list[list[Any]] = [
        [
            number, rng.choice(people), rng.choice(REGIONS), rng.choice(ITEMS),
            None if rng.randrange(100) < settings["missing"] else rng.randint(1, settings["quantity"]),
        ]
        for number in rng.sample(range(10, 100), count)
    ]  # fmt: skip
    ask = DEPTHS[rng.randint(settings["min_depth"], settings["max_depth"]) - 1]
    column = {"lookup": "id", "join": "name"}.get(ask) or rng.choice(("region", "item"))
    prices = {item: rng.randint(2, 9) for item in ITEMS if any(row[3] == item for row in rows)}
    return {
        "ask": ask, "column": column, "value": rng.choice(rows)[COLUMNS.index(column)], "rows": rows,
        "decimals": rng.randint(1, 2), "prices": prices if ask == "join" else {},
    }  # fmt: skip


def _written(facts: Mapping[str, Any]) -> tuple[str, str]:
    """Return the tables as CSV: the sales, and the prices or an empty text."""
    lines = [",".join(COLUMNS), *(",".join("" if c is None else str(c) for c in row) for row in facts["rows"])]
    prices = ["item,price", *(f"{item},{price}" for item, price in facts["prices"].items())]
    return "\n".join(lines) + "\n", "\n".join(prices) + "\n" if facts["prices"] else ""


FAMILY = Family(
    name="table",
    domain="data",
    answer_kind="parts",
    bounds={
        "min_rows": Parameter(5, 4, 80),
        "max_rows": Parameter(7, 4, 80),
        "min_depth": Parameter(1, 1, len(DEPTHS)),
        "max_depth": Parameter(len(DEPTHS), 1, len(DEPTHS)),
        "quantity": Parameter(9, 2, 999),
        "missing": Parameter(15, 0, 50),
        "file": Parameter(0, 0, 1),
    },
    generate=draft,
)
