"""Programs that answer questions of `table` from its files: by csv, or by sqlite3."""

from __future__ import annotations

import random

from potstill.problems.families.table import ITEMS, REGIONS
from potstill.teach.worked.solver import Facts

_ADDED = 'int(r["quantity"] or 0)'


def program(facts: Facts, rng: random.Random, *, sql: bool, erring: bool, broken: bool) -> str:
    """Return a program that prints the answer as it is asked for.

    `erring`: it asks about another value, or for the smallest in place of the largest; `broken`: it names a column that
    is not there.
    """
    value = _other(facts, rng) if erring else facts["value"]
    best = "min" if erring else "max"
    made = _by_sql(facts, value, best) if sql else _by_csv(facts, value, best)
    right, wrong = ("quantity integer", "quantities integer") if sql else ('r["quantity"]', 'r["quantities"]')
    return made.replace(right, wrong, 1) if broken else made


def _names(facts: Facts) -> tuple[str, str]:
    """Return the names of the files: of the sales, and of the prices where there are any."""
    names = sorted(facts["files"])
    return names[-1], names[0]


def _other(facts: Facts, rng: random.Random) -> object:
    column = facts["column"]
    at = {"id": 0, "name": 1, "region": 2, "item": 3}[column]
    others = sorted({row[at] for row in facts["rows"]} - {facts["value"]}, key=str)
    missing = [value for value in {"region": REGIONS, "item": ITEMS}.get(column, ()) if value != facts["value"]]
    return rng.choice(others or missing or [0])


def _by_csv(facts: Facts, value: object, best: str) -> str:
    sales, prices = _names(facts)
    lines = ["import csv", f'rows = list(csv.DictReader(open("{sales}")))']
    if facts["ask"] == "group":
        return "\n".join([
            *lines, "sums = {}", "for r in rows:",
            f'    sums[r["region"]] = sums.get(r["region"], 0) + {_ADDED}',
            f"best = {best}(sums, key=sums.get)", 'print(f"region: {best}; total: {sums[best]}")',
        ])  # fmt: skip
    chosen = f'rows = [r for r in rows if r["{facts["column"]}"] == "{value}"]'
    if facts["ask"] == "lookup":
        return "\n".join(
            [*lines, chosen, 'for r in rows: print("item: " + r["item"] + "; quantity: " + r["quantity"])']
        )
    if facts["ask"] == "mean":
        known = 'known = [int(r["quantity"]) for r in rows if r["quantity"]]'
        return "\n".join([*lines, chosen, known, "n, total = len(known), sum(known)", _mean(facts)])
    if facts["ask"] == "join":
        lines.append(f'price = {{r["item"]: int(r["price"]) for r in csv.DictReader(open("{prices}"))}}')
        total = f'total = sum({_ADDED} * price[r["item"]] for r in rows)'
    else:
        total = f"total = sum({_ADDED} for r in rows)"
    return "\n".join([*lines, chosen, total, 'print(f"count: {len(rows)}; total: {total}")'])


def _mean(facts: Facts) -> str:
    """Return the line that prints a mean rounded half up: Python's own rounding goes to the even digit."""
    ten = 10 ** facts["decimals"]
    return f'print(f"count: {{n}}; mean: {{(2 * total * {ten} + n) // (2 * n) / {ten}:.{facts["decimals"]}f}}")'


def _by_sql(facts: Facts, value: object, best: str) -> str:
    sales, prices = _names(facts)
    lines = [
        "import csv, sqlite3", 'db = sqlite3.connect(":memory:")',
        'db.execute("create table sales (id, name, region, item, quantity integer)")',
        'db.executemany("insert into sales values (?, ?, ?, ?, nullif(?, \'\'))",',
        f'    list(csv.reader(open("{sales}")))[1:])',
    ]  # fmt: skip
    where = f"from sales where {facts['column']} = '{value}'"
    if facts["ask"] == "lookup":
        return _printed(lines, f"select item, quantity {where}", "item: %s; quantity: %s")
    if facts["ask"] == "group":
        order = "" if best == "min" else " desc"
        total = "select region, coalesce(sum(quantity), 0) as n from sales"
        select = f"{total} group by region order by n{order}"
        return _printed(lines, select, "region: %s; total: %s")
    if facts["ask"] == "mean":
        select = f'n, total = db.execute("select count(quantity), sum(quantity) {where}").fetchone()'
        return "\n".join([*lines, select, _mean(facts)])
    if facts["ask"] == "join":
        lines += [
            'db.execute("create table prices (item, price integer)")',
            f'db.executemany("insert into prices values (?, ?)", list(csv.reader(open("{prices}")))[1:])',  # noqa: S608 - text of a program
        ]
        where = where.replace("from sales", "from sales join prices using (item)")
    what = "quantity * price" if facts["ask"] == "join" else "quantity"
    return _printed(lines, f"select count(*), coalesce(sum({what}), 0) {where}", "count: %s; total: %s")


def _printed(lines: list[str], select: str, form: str) -> str:
    return "\n".join([*lines, f'print("{form}" % db.execute("{select}").fetchone())'])
