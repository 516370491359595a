"""`weekday`: events told relative to each other in days; the weekday of the last one is chosen from all seven."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import pairwise

from potstill.problems.families.family import Draft, Family, Parameter, Story

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EVENTS = ("fair", "concert", "match", "exam", "party", "trip", "play", "race", "sale", "picnic")
STARTS = ("Today is {day}.", "It is {day} today.")
FIRST = ("The {event} is in {n} days.", "In {n} days the {event} takes place.")
LATER = ("The {event} is {n} days after the {event2}.", "The {event} comes {n} days later than the {event2}.")
EARLIER = ("The {event} is {n} days before the {event2}.", "The {event} comes {n} days earlier than the {event2}.")
ASKS = ("On which day of the week is the {event}?", "Which day of the week is the {event}?")


def draft(rng: random.Random, settings: Mapping[str, int]) -> Draft:
    """Draft `min_steps` to `max_steps` events, each at most `days` days from the one before and all after today."""
    today = rng.randrange(7)
    events = rng.sample(EVENTS, rng.randint(settings["min_steps"], settings["max_steps"]))
    offset = rng.randint(2, settings["days"])
    shifts = [offset]
    story = Story()
    story.say(rng.choice(STARTS), day=DAYS[today])
    story.say(rng.choice(FIRST), event=events[0], n=offset)
    for before, event in pairwise(events):
        earlier = offset > 3 and rng.random() < 0.4
        n = rng.randint(2, min(offset - 1, settings["days"]) if earlier else settings["days"])
        story.say(rng.choice(EARLIER if earlier else LATER), event=event, event2=before, n=n)
        shifts.append(-n if earlier else n)
        offset += shifts[-1]
    story.say(rng.choice(ASKS), event=events[-1])
    choices = tuple(rng.sample(DAYS, 7))
    gold = "ABCDEFG"[choices.index(DAYS[(today + offset) % 7])]
    facts = {"today": today, "event": events[-1], "shifts": shifts, "choices": choices}
    return Draft(
        question=story.question, gold=gold, template=story.template, facts=facts, steps=len(shifts) + 1, choices=choices
    )


FAMILY = Family(
    name="weekday",
    domain="logic",
    answer_kind="choice",
    bounds={"min_steps": Parameter(2, 1, 6), "max_steps": Parameter(3, 1, 6), "days": Parameter(20, 2, 99)},
    generate=draft,
)
