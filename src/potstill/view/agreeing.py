"""Checks against people: on the solutions that people labelled, what the calculator and a reward model say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from potstill.errors import PotstillError
from potstill.evaluate.agreement import cohen
from potstill.verify.steps.arithmetic import check_steps
from potstill.verify.steps.people import Saying, settled

if TYPE_CHECKING:
    from potstill.view.room import Viewer

WRONG_BELOW = 0.5
"""A step to which a reward model gives less is one that it calls wrong."""


def checks_against_people(room: Viewer) -> list[dict[str, Any]]:
    """Return a line for each check: over how many things, how often it says what people say, and kappa.

    `the first wrong step`: which step is the first wrong one, none included. `each step`: right or wrong, over the
    steps that both decided. `the answer`: verdicts that people corrected or confirmed. Where people differ and nobody
    decided, nothing counts.
    """
    pairs: dict[tuple[str, str], list[tuple[Any, Any]]] = {}
    for (kind, key), saying in settled(room.sayings()).items():
        if kind == "steps":
            _steps(room, key, saying, pairs)
        elif kind == "verdict":
            row = _row(room, key)
            if row is not None:
                pairs.setdefault(("verdict on the answer", "the answer"), []).append((saying.outcome, row["outcome"]))
    found = []
    for (check, what), both in sorted(pairs.items()):
        agreed = cohen(both)
        found.append({
            "check": check, "what": what, "number": agreed.number, "alike": round(agreed.alike, 4),
            "kappa": None if agreed.kappa is None else round(agreed.kappa, 4),
        })  # fmt: skip
    return found


def _steps(room: Viewer, key: str, saying: Saying, pairs: dict[tuple[str, str], list[tuple[Any, Any]]]) -> None:
    checked = check_steps(saying.steps)
    _put(pairs, "calculator", saying, [_sign(step.outcome) for step in checked.steps])
    row = _row(room, key)
    if row is None or row["score"] is None:
        return
    try:
        scores = room.details.response(row["number"], 0, 0)["steps"]["scores"]
    except PotstillError:
        return
    if scores and len(scores["steps"]) == len(saying.steps):
        _put(pairs, "reward model", saying, [-1 if score < WRONG_BELOW else 1 for score in scores["steps"]])


def _put(
    pairs: dict[tuple[str, str], list[tuple[Any, Any]]], check: str, saying: Saying, signs: list[int | None]
) -> None:
    first = next((number for number, sign in enumerate(signs) if sign == -1), None)
    pairs.setdefault((check, "the first wrong step"), []).append((saying.first_wrong_step, first))
    each = pairs.setdefault((check, "each step"), [])
    each += [(-1 if own == -1 else 1, sign) for own, sign in zip(saying.ratings, signs, strict=True)
             if own is not None and sign is not None]  # fmt: skip


def _sign(outcome: str) -> int | None:
    return {"right": 1, "wrong": -1}.get(outcome)


def _row(room: Viewer, key: str) -> dict[str, Any] | None:
    try:
        number = room.index.find(key)
    except PotstillError:
        return None
    return {**room.index.row(number), "number": number}
