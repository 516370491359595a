"""What somebody labels next: where checks disagree, by a seeded random draw, or in the order of a filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from potstill.records import GoldFinding, content_key
from potstill.verify.steps.people import Saying, latest
from potstill.view.details import Details
from potstill.view.index import Index, Query

Order = Literal["uncertain", "random", "filter", "double"]
ORDERS: tuple[Order, ...] = ("uncertain", "random", "filter", "double")
LOOKED_AT = 60
"""Responses whose arithmetic is recomputed to find those where checks disagree, in one answer of the server."""
INDEXED = 6_000
"""Responses whose marks in the index are looked at for the same."""


def ordered(
    index: Index, details: Details, sayings: Sequence[Saying], query: Query, *, by: Order, labeller: str, seed: int,
    count: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return at most `count` responses of a query that `labeller` has not labelled, each with `why` it comes now.

    `uncertain` puts first where checks of the same response disagree: an answer that is right over a step whose
    arithmetic is wrong, an answer that is wrong over steps without fault, a judge against the rules, a gold that the
    samples contradict, a reward model near one half. `double` takes what one other person labelled.
    """
    said = latest(sayings)
    own = {key for (kind, key), names in said.items() if kind == "steps" and labeller in names}
    skipped = {one.solution for one in sayings if one.skipped and one.labeller == labeller}
    rows = index.chosen(query)
    keys = index.rows["key"].take(rows).to_pylist()
    free = [(number, key) for number, key in zip(rows.to_pylist(), keys, strict=True) if key not in own | skipped]
    if by == "double":
        others = {key for (kind, key), names in said.items() if kind == "steps" and len(names) == 1}
        free = [one for one in free if one[1] in others]
        return _shown(index, [(number, "labelled by one other person") for number, _ in free[:count]])
    if by == "filter":
        return _shown(index, [(number, "next of the filter") for number, _ in free[:count]])
    free.sort(key=lambda one: content_key("queue", seed, one[1]))
    if by == "random":
        return _shown(index, [(number, f"drawn with seed {seed}") for number, _ in free[:count]])
    return _shown(index, _uncertain(index, details, [number for number, _ in free], count))


def _uncertain(index: Index, details: Details, numbers: Sequence[int], count: int) -> list[tuple[int, str]]:
    """Return (row, why) of the most doubtful responses: those that the index tells, and those of a look at some."""
    rows = dict(zip(numbers, index.marks(numbers[:INDEXED]), strict=False))
    found = [(number, *_told(row)) for number, row in rows.items()]
    for number in numbers[:LOOKED_AT]:
        steps, outcome = details.response(number, 0, 0)["steps"], rows[number]["outcome"]
        first = steps["first_wrong"]
        if first is not None and outcome == "right":
            found.append((number, 3.0, f"its answer is right and the calculator finds step {first + 1} wrong"))
        elif first is None and outcome == "wrong" and steps["counts"].get("right"):
            found.append((number, 1.0, "its answer is wrong and the calculator finds no step that is"))
    best: dict[int, tuple[float, str]] = {}
    for number, doubt, why in found:
        if doubt > best.get(number, (0.0, ""))[0]:
            best[number] = (doubt, why)
    ranked = sorted(best.items(), key=lambda one: -one[1][0])
    rest = [(number, "no check disagrees with another") for number in numbers if number not in best]
    return [*((number, why) for number, (_, why) in ranked), *rest][:count]


def _told(row: Mapping[str, Any]) -> tuple[float, str]:
    """Return how doubtful the index calls a response, and why."""
    outcome, score = row["outcome"], row["score"]
    judged = outcome in ("right", "wrong")
    if row["doubt"]:
        return 2.5, row["doubt"]
    if judged and row["finding"] in (GoldFinding.SUSPECT, GoldFinding.DISAGREES):
        return 2.0, f"the samples and the gold: {row['finding']}"
    if score is None:
        return (0.5, f"unknown: {row['cause']}") if outcome == "unknown" else (0.0, "")
    told = f"the reward model gives {score:.2f}"
    if judged and (score < 0.5) == (outcome == "right"):
        return 2.0 + abs(score - 0.5), f"{told}, its answer is {outcome}"
    return 1 - 2 * abs(score - 0.5), told


def _shown(index: Index, chosen: Sequence[tuple[int, str]]) -> list[dict[str, Any]]:
    rows = index.shown([number for number, _ in chosen])
    return [{**row, "why": why} for row, (_, why) in zip(rows, chosen, strict=True)]
