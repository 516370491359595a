"""Explanation traces (Orca 1, Mukherjee et al. 2023, arXiv 2306.02707): a problem under one of several system messages.

Which message a sample gets is drawn by weighted rendezvous hashing (Efraimidis and Spirakis 2006): the smallest of
-log(u) / weight, with u a hash of seed, problem, sample and the message's name. So another order changes nothing, and a
message that is added takes samples over from others and moves none between them. The message reaches no row of a
student, whose prompt is the student's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from potstill.recipe import Strategy, SystemMessage
from potstill.records import Problem, content_key
from potstill.teach.prompts import Asking
from potstill.teach.roles import packaged
from potstill.teach.strategies import Material

PROMPT = packaged("zero_shot")
SLOTS = ("question", "answer_form")
PACKAGED = (
    SystemMessage(name="plain", text=""),
    SystemMessage(
        name="steps", text="Work through the problem one step at a time, and say of each step why it may be taken."
    ),
    SystemMessage(
        name="teacher",
        text="You are a patient teacher. Explain the solution so that somebody who has just met the subject can follow "
        "every step of it.",
    ),
    SystemMessage(name="child", text="Explain your solution in words that a ten-year-old knows; leave no step out."),
    SystemMessage(
        name="thorough", text="Say first what is asked and what is known, then how you go about it, then do it in full."
    ),
    SystemMessage(
        name="checked", text="Solve the problem, then try your result on what the problem says before you state it."
    ),
    SystemMessage(
        name="options", text="Go through the options one after the other, say why each is right or wrong, and name the "
        "right one at the end.", kinds=("choice",),
    ),
)  # fmt: skip
"""All reason before they answer: an answer that comes first is explained afterwards, not reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explaining(Asking):
    """How every sample of a problem is asked: the system message is drawn."""

    options: tuple[SystemMessage, ...]
    seed: int

    def drawn(self, problem: Problem, sample: int) -> SystemMessage:
        """Return the message of a sample, of those that suit the problem by its domain or kind of answer."""
        kinds = {problem.domain, problem.answer_kind}
        fitting = [one for one in self.options if not one.kinds or not kinds.isdisjoint(one.kinds)]
        return min(fitting, key=lambda one: self._rank(problem, sample, one))

    def _rank(self, problem: Problem, sample: int, one: SystemMessage) -> float:
        bits = int(content_key("message", self.seed, problem.key, sample, one.name)[:13], 16)
        return -math.log((bits + 1) / (16**13 + 1)) / one.weight

    def system_of(self, problem: Problem, sample: int) -> str:
        """Return the text of the message that is drawn."""
        return self.drawn(problem, sample).text

    def named(self, problem: Problem, sample: int) -> str:
        """Return the name of the message that is drawn."""
        return self.drawn(problem, sample).name


def asking(prompt: str, strategy: Strategy, material: Material) -> Asking:
    """Return how every problem is asked."""
    return Explaining("", prompt, options=strategy.messages or PACKAGED, seed=material.seed)
