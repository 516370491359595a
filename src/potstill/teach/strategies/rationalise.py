"""Rationalisation (STaR, Zelikman et al. 2022, arXiv 2203.14465): the answer is told where nothing else helped.

A problem is asked `strategy.samples` times as `zero_shot` asks it. Only where every one of them is judged wrong is it
asked with the answer in the prompt, `rationalise.samples` times. What comes of that is a trace as any other: its prompt
is in no row. Curation drops the ones that speak of the answer they were told, that hold a wrong step, and those beyond
`share_at_most`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from potstill.models.requests import Message
from potstill.recipe import Rationalise, Strategy
from potstill.records import Problem
from potstill.teach.calls import Outcome, wanted
from potstill.teach.prompts import Asking
from potstill.teach.roles import filled, packaged, texts_of, turns
from potstill.teach.strategies import Material
from potstill.verify.answer_kinds import ANSWER_KINDS

PROMPT = packaged("zero_shot")
SLOTS = ("question", "answer_form")
ROLES = {"hint": ("question", "gold")}
HINTED = "hinted"
"""Name of the samples that were told the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rationalising(Asking):
    """How every sample of a problem is asked: the first ones without, the others with the answer."""

    hint: str
    alone: int
    rationalise: Rationalise

    @property
    def judged(self) -> bool:
        """Whether later samples hang on the verdicts of earlier ones: they do."""
        return True

    def wanted(self, problem: Problem, outcomes: Sequence[Outcome], strategy: Strategy) -> int:
        """Return how many samples a problem gets: hinted ones only where all others are known to be wrong."""
        first = wanted(outcomes[: self.alone], strategy.samples, strategy.stop_at_right)
        wrong = len(outcomes) >= self.alone and all(outcome is False for outcome in outcomes[: self.alone])
        return first + (self.rationalise.samples if wrong and problem.gold is not None else 0)

    def messages(self, problem: Problem, sample: int = 0) -> tuple[Message, ...]:
        """Return the conversation that asks a sample."""
        if sample < self.alone or problem.gold is None:
            return Asking.messages(self, problem, sample)
        form = ANSWER_KINDS[problem.answer_kind].form
        return turns(self.system, filled(self.hint, question=problem.statement, gold=problem.gold, answer_form=form))

    def named(self, problem: Problem, sample: int) -> str:
        """Return `hinted` for a sample that was told the answer."""
        del problem
        return HINTED if sample >= self.alone else "alone"


def asking(prompt: str, strategy: Strategy, material: Material) -> Asking:
    """Return how every problem is asked."""
    texts = texts_of(ROLES, strategy, material.data)
    its = strategy.rationalise or Rationalise()
    return Rationalising(strategy.system, prompt, hint=texts["hint"], alone=strategy.samples, rationalise=its)
