"""`clock`: durations across the hour, forward to an end or back to a start; the answer is a time such as 9:05."""

from __future__ import annotations

import random
from collections.abc import Mapping

from potstill.problems.families.family import NAMES, Draft, Family, Parameter, Story

ACTIVITIES = (
    "Breakfast takes {n} minutes.",
    "The walk takes {n} minutes.",
    "The bus ride takes {n} minutes.",
    "Shopping takes {n} minutes.",
    "Cleaning takes {n} minutes.",
    "A phone call takes {n} minutes.",
    "Reading takes {n} minutes.",
    "The music lesson takes {n} minutes.",
)
STARTS = ("{name} starts at {time}.", "{name} gets going at {time}.", "At {time} {name} begins.")
ENDS = ("{name} must be done at {time}.", "{name} has to finish by {time}.", "At {time} {name} must be ready.")
ASK_END = ("At what time is {name} done?", "When does {name} finish?")
ASK_START = ("At what time must {name} start?", "When must {name} begin?")


def show(minutes: int) -> str:
    """Return minutes after midnight as `9:05`."""
    return f"{minutes // 60}:{minutes % 60:02d}"


def draft(rng: random.Random, settings: Mapping[str, int]) -> Draft:
    """Draft a morning of `min_steps` to `max_steps` activities, each a multiple of `grain` minutes below an hour."""
    grain = settings["grain"]
    name = rng.choice(NAMES)
    activities = rng.sample(ACTIVITIES, rng.randint(settings["min_steps"], settings["max_steps"]))
    durations = [grain * rng.randint(1, 59 // grain) for _ in activities]
    forward = rng.random() < 0.5
    given = grain * rng.randint(-(-8 * 60 // grain), 15 * 60 // grain)
    story = Story()
    story.say(rng.choice(STARTS if forward else ENDS), name=name, time=show(given))
    for activity, n in zip(activities, durations, strict=True):
        story.say(activity, n=n)
    story.say(rng.choice(ASK_END if forward else ASK_START), name=name)
    total = sum(durations)
    gold = show(given + total if forward else given - total)
    facts = {"name": name, "time": given, "durations": durations, "forward": forward}
    return Draft(question=story.question, gold=gold, template=story.template, facts=facts, steps=2 * len(durations))


FAMILY = Family(
    name="clock",
    domain="mathematics",
    answer_kind="text",
    bounds={"min_steps": Parameter(2, 1, 6), "max_steps": Parameter(3, 1, 6), "grain": Parameter(5, 1, 15)},
    generate=draft,
)
