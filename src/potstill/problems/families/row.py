"""`row`: people in a row change places; the answer is the whole row, so that guessing does not pay."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from potstill.problems.families.family import NAMES, Draft, Family, Parameter, Story

STARTS = ("In a row stand {row}.", "From front to back the line is {row}.", "{row} wait in line, in this order.")
MOVES = {
    "swap": (
        "{name} and {name2} swap places.",
        "{name} trades places with {name2}.",
        "Then {name} and {name2} switch.",
    ),
    "front": ("{name} goes to the front.", "{name} is moved to the first place."),
    "back": ("{name} goes to the end.", "{name} is moved to the last place."),
}
ASKS = ("What is the order now, from front to back?", "Name all from front to back.")


def move(row: Sequence[str], kind: str, *who: str) -> list[str]:
    """Return the row after one move: `swap` of two people, or one person to the `front` or the `back`."""
    if kind == "swap":
        other = {who[0]: who[1], who[1]: who[0]}
        return [other.get(name, name) for name in row]
    rest = [name for name in row if name != who[0]]
    return [who[0], *rest] if kind == "front" else [*rest, who[0]]


def draft(rng: random.Random, settings: Mapping[str, int]) -> Draft:
    """Draft a row of `people` and `min_moves` to `max_moves` moves, each of which changes the row."""
    start = row = rng.sample(NAMES, settings["people"])
    story = Story()
    slots = ", ".join(f"{{name{i}}}" for i in range(len(row)))
    names: dict[str, object] = {f"name{i}": name for i, name in enumerate(row)}
    story.say(rng.choice(STARTS).replace("{row}", slots), **names)
    moves: list[list[str]] = []
    for _ in range(rng.randint(settings["min_moves"], settings["max_moves"])):
        kind = rng.choice(("swap", "swap", "front", "back"))
        movable = {"swap": row, "front": row[1:], "back": row[:-1]}[kind]
        who = rng.sample(movable, 2 if kind == "swap" else 1)
        story.say(rng.choice(MOVES[kind]), name=who[0], name2=who[-1])
        row = move(row, kind, *who)
        moves.append([kind, *who])
    story.say(rng.choice(ASKS))
    return Draft(
        question=story.question,
        gold=", ".join(row),
        template=story.template,
        facts={"row": start, "moves": moves},
        steps=len(moves),
    )


FAMILY = Family(
    name="row",
    domain="logic",
    answer_kind="text",
    bounds={"people": Parameter(4, 3, 8), "min_moves": Parameter(3, 1, 8), "max_moves": Parameter(4, 1, 8)},
    generate=draft,
)
