"""`chain`: a story in which one number changes step by step."""

from __future__ import annotations

import random
from collections.abc import Mapping

from potstill.problems.families.family import NAMES, Draft, Family, Parameter, Story, apply, draw_operation

THINGS = (
    "apples", "books", "coins", "cards", "pens", "stones", "shells", "stamps", "marbles", "balls", "eggs", "nuts",
)  # fmt: skip
STARTS = (
    "{name} has {n} {thing}.",
    "{name} starts the day with {n} {thing}.",
    "In the morning {name} owns {n} {thing}.",
    "{name} collects {n} {thing}.",
)
CHANGES = {
    "+": (
        "{name} buys {n} more.",
        "{name2} brings {name} {n} more.",
        "Then {name} finds {n} more.",
        "{name} wins another {n}.",
        "Later {n} more are added.",
    ),
    "-": (
        "{name} gives {n} to {name2}.",
        "Then {n} get lost.",
        "{name} sells {n} of them.",
        "{name2} takes {n} away.",
        "Later {n} of them break.",
    ),
    "*": (
        "{name} trades them for {n} times as many.",
        "A prize makes it {n} times as many.",
        "Soon there are {n} times as many.",
    ),
    "/": (
        "{name} keeps one of {n} equal piles.",
        "{name} gets one of {n} equal shares.",
        "Only one of {n} equal parts is kept.",
    ),
}
ASKS = (
    "How many {thing} does {name} have now?",
    "How many {thing} does {name} have at the end?",
    "How many {thing} are left with {name}?",
)


def draft(rng: random.Random, settings: Mapping[str, int]) -> Draft:
    """Draft a story of `min_steps` to `max_steps` changes."""
    name, other = rng.sample(NAMES, 2)
    thing = rng.choice(THINGS)
    start = value = rng.randint(4, settings["largest"] // 2)
    story = Story()
    story.say(rng.choice(STARTS), name=name, n=start, thing=thing)
    steps: list[tuple[str, int]] = []
    for _ in range(rng.randint(settings["min_steps"], settings["max_steps"])):
        sign, n = draw_operation(rng, value, settings)
        story.say(rng.choice(CHANGES[sign]), name=name, name2=other, n=n)
        value = apply(value, sign, n)
        steps.append((sign, n))
    story.say(rng.choice(ASKS), name=name, thing=thing)
    facts = {"name": name, "thing": thing, "start": start, "steps": steps}
    return Draft(question=story.question, gold=str(value), template=story.template, facts=facts, steps=len(steps))


FAMILY = Family(
    name="chain",
    domain="mathematics",
    answer_kind="number",
    bounds={
        "min_steps": Parameter(3, 1, 8),
        "max_steps": Parameter(4, 1, 8),
        "largest": Parameter(60, 20, 9999),
        "operand": Parameter(12, 2, 999),
        "factor": Parameter(3, 2, 9),
    },
    generate=draft,
)
