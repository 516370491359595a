"""Two sets, arms or runs side by side: what each problem came to in one and in the other, what moved and dropped."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from potstill.errors import DataError, nearest
from potstill.view.index import Index

SHOWN = 300
"""Problems of one kind of change that are listed."""


def parties(index: Index) -> list[str]:
    """Return what may be compared: `RUN / set traces`, `RUN / arm base (zero-shot)`."""
    runs, names = (index.rows[name].cast("string").to_pylist() for name in ("run", "of"))
    return sorted({f"{run} / {of}" for run, of in zip(runs, names, strict=True)})


def compared(index: Index, one: str, other: str) -> dict[str, Any]:
    """Return the problems by what became of them: solved in both, gained, lost, only in one; and the same of traces.

    A problem is solved where more of its judged responses are right than wrong. Traces of both sides with one key are
    the same text: `moved` counts those whose verdict or whose fate in curation differs.

    Raises:
        DataError: there is no such side.
    """
    known = parties(index)
    for name in (one, other):
        if name not in known:
            raise DataError(f"there is nothing called {name[:80]!r} to compare{nearest(name, known)}")
    sides = [_side(index, name) for name in (one, other)]
    problems: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for key in dict.fromkeys([*sides[0], *sides[1]]):
        rows = [side.get(key, []) for side in sides]
        kind = _change(rows)
        counts[kind] += 1
        if len(problems[kind]) < SHOWN:
            problems[kind].append({"problem": key, "one": _sum(rows[0]), "other": _sum(rows[1])})
    for listed in problems.values():
        for row in listed:
            question = index.problem(row["problem"])["question"]
            row["question"] = " ".join(question[:600].split())[:140]
    return {
        "one": one, "other": other, "counts": dict(counts), "problems": problems,
        "totals": [_totals(side) for side in sides], "traces": _traces(sides),
    }  # fmt: skip


Side = dict[int, list[dict[str, Any]]]


def _side(index: Index, name: str) -> Side:
    import pyarrow.compute as pc

    run, _, of = name.partition(" / ")
    mask = pc.and_(pc.equal(index.rows["run"].cast("string"), run), pc.equal(index.rows["of"].cast("string"), of))
    columns = ["problem", "key", "outcome", "drop", "tokens", "characters", "finish", "extracted"]
    found: Side = {}
    for row in index.rows.select(columns).filter(mask).to_pylist():
        found.setdefault(row["problem"], []).append(row)
    return found


def _solved(rows: Sequence[dict[str, Any]]) -> bool | None:
    outcomes = Counter(row["outcome"] for row in rows)
    if not outcomes["right"] and not outcomes["wrong"]:
        return None
    return outcomes["right"] > outcomes["wrong"]


def _change(rows: Sequence[Sequence[dict[str, Any]]]) -> str:
    if not rows[1]:
        return "only in the first"
    if not rows[0]:
        return "only in the second"
    before, after = _solved(rows[0]), _solved(rows[1])
    if before is None or after is None:
        return "not judged"
    if before == after:
        return "solved in both" if before else "solved in neither"
    return "gained" if after else "lost"


def _sum(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    outcomes = Counter(row["outcome"] for row in rows)
    return {
        "samples": len(rows), "right": outcomes["right"], "wrong": outcomes["wrong"],
        "unknown": len(rows) - outcomes["right"] - outcomes["wrong"], "first": rows[0]["key"] if rows else "",
        "answer": rows[0]["extracted"] if rows else "",
    }  # fmt: skip


def _totals(side: Side) -> dict[str, Any]:
    rows = [row for its in side.values() for row in its]
    tokens = [row["tokens"] for row in rows if row["tokens"] is not None]
    return {
        "problems": len(side), "responses": len(rows), "outcomes": dict(Counter(row["outcome"] for row in rows)),
        "drops": dict(Counter(row["drop"] for row in rows if row["drop"]).most_common(20)),
        "finishes": dict(Counter(row["finish"] for row in rows)),
        "tokens": round(sum(tokens) / len(tokens), 1) if tokens else None,
        "characters": round(sum(row["characters"] for row in rows) / len(rows), 1) if rows else None,
    }  # fmt: skip


def _traces(sides: Sequence[Side]) -> dict[str, Any]:
    """Return how many traces are on both sides, and of these what changed: verdicts, and reasons of drop."""
    by_key = [{row["key"]: row for its in side.values() for row in its} for side in sides]
    shared = by_key[0].keys() & by_key[1].keys()
    verdicts, drops = Counter[str](), Counter[str]()
    listed: list[dict[str, Any]] = []
    for key in sorted(shared):
        before, after = by_key[0][key], by_key[1][key]
        if before["outcome"] != after["outcome"]:
            verdicts[f"{before['outcome']} → {after['outcome']}"] += 1
        if before["drop"] != after["drop"]:
            drops[f"{before['drop'] or 'not chosen'} → {after['drop'] or 'not chosen'}"] += 1
        if (before["outcome"], before["drop"]) != (after["outcome"], after["drop"]) and len(listed) < SHOWN:
            listed.append({"key": key, "problem": before["problem"], "before": [before["outcome"], before["drop"]],
                           "after": [after["outcome"], after["drop"]]})  # fmt: skip
    return {
        "shared": len(shared), "verdicts": dict(verdicts.most_common()), "drops": dict(drops.most_common()),
        "listed": listed,
    }  # fmt: skip
