"""`compare`: each person's number is told relative to another's, in any order; one person's is asked for."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import pairwise

from potstill.problems.families.family import NAMES, Draft, Family, Parameter, Story, apply, draw_operation

AGE = {
    "is": ("{name} is {n} years old.", "{name} is {n}."),
    "+": ("{name} is {n} years older than {name2}.", "{name2} is {n} years younger than {name}."),
    "-": ("{name} is {n} years younger than {name2}.", "{name2} is {n} years older than {name}."),
    "*": ("{name} is {n} times as old as {name2}.",),
    "/": ("{name2} is {n} times as old as {name}.",),
    "ask": ("How old is {name}?", "What is the age of {name}?"),
}
SCORE = {
    "is": ("{name} has {n} points.", "{name} scored {n} points."),
    "+": ("{name} has {n} more points than {name2}.", "{name} beat {name2} by {n} points."),
    "-": ("{name} has {n} fewer points than {name2}.", "{name} lost to {name2} by {n} points."),
    "*": ("{name} has {n} times as many points as {name2}.",),
    "/": ("{name2} has {n} times as many points as {name}.",),
    "ask": ("How many points does {name} have?", "What is the score of {name}?"),
}
TOPICS = {"age": AGE, "score": SCORE}


def draft(rng: random.Random, settings: Mapping[str, int]) -> Draft:
    """Draft a chain of `min_links` to `max_links` comparisons, with `distractors` people who do not matter."""
    links = rng.randint(settings["min_links"], settings["max_links"])
    people = rng.sample(NAMES, links + 1 + settings["distractors"])
    chain, aside = people[: links + 1], people[links + 1 :]
    topic = rng.choice(tuple(TOPICS))
    wordings = TOPICS[topic]
    base = value = rng.randint(4, settings["largest"] // 2)
    sentences: list[tuple[str, dict[str, object]]] = [(rng.choice(wordings["is"]), {"name": chain[0], "n": base})]
    steps: list[tuple[str, int]] = []
    for before, name in pairwise(chain):
        sign, n = draw_operation(rng, value, settings)
        sentences.append((rng.choice(wordings[sign]), {"name": name, "name2": before, "n": n}))
        value = apply(value, sign, n)
        steps.append((sign, n))
    for name in aside:
        other, n = rng.choice(chain), rng.randint(2, settings["operand"])
        sentences.append((rng.choice(wordings["+"]), {"name": name, "name2": other, "n": n}))
    if settings["shuffle"]:
        rng.shuffle(sentences)
    story = Story()
    for wording, values in sentences:
        story.say(wording, **values)
    story.say(rng.choice(wordings["ask"]), name=chain[-1])
    facts = {"topic": topic, "people": chain, "base": base, "steps": steps}
    return Draft(question=story.question, gold=str(value), template=story.template, facts=facts, steps=links)


FAMILY = Family(
    name="compare",
    domain="mathematics",
    answer_kind="number",
    bounds={
        "min_links": Parameter(3, 1, 6),
        "max_links": Parameter(3, 1, 6),
        "distractors": Parameter(0, 0, 3),
        "shuffle": Parameter(1, 0, 1),
        "largest": Parameter(60, 20, 999),
        "operand": Parameter(12, 2, 99),
        "factor": Parameter(3, 2, 9),
    },
    generate=draft,
)
