"""What a teacher is asked: a prompt file with `{question}`, `{answer_form}` and, for few-shot, `{shots}` filled in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from potstill.models.requests import Message
from potstill.recipe import Strategy
from potstill.records import Problem
from potstill.teach.calls import Call, Outcome, Talk, one_call, wanted
from potstill.teach.shots import Shot, question_keys
from potstill.verify.answer_kinds import ANSWER_KINDS

SLOT = re.compile(r"\{(question|answer_form|shots|tools)\}")
"""`{question}`; not `{x}` of a set."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How every problem is asked; `shown` of the `shots` stand before it, its own never."""

    system: str
    prompt: str
    shots: tuple[Shot, ...] = ()
    shown: int = 0

    def system_of(self, problem: Problem, sample: int) -> str:
        """Return the system message of a sample, empty for none."""
        del problem, sample
        return self.system

    def named(self, problem: Problem, sample: int) -> str:
        """Return the name of what was drawn for a sample, empty where nothing is drawn."""
        del problem, sample
        return ""

    def talk(self, problem: Problem, sample: int) -> Talk:
        """Return what a sample asks, round by round; here, one request."""
        return one_call(problem, Call(messages=self.messages(problem, sample)))

    @property
    def judged(self) -> bool:
        """Whether later samples of a problem hang on the verdicts of earlier ones, whatever `stop_at_right` says."""
        return False

    def wanted(self, problem: Problem, outcomes: Sequence[Outcome], strategy: Strategy) -> int:
        """Return how many samples a problem gets, as far as the outcomes of the first ones say."""
        del problem
        return wanted(outcomes, strategy.samples, strategy.stop_at_right)

    def messages(self, problem: Problem, sample: int = 0) -> tuple[Message, ...]:
        """Return the conversation that asks a sample of a problem; a system message without text is left out."""
        fills = {
            "question": problem.statement,
            "answer_form": ANSWER_KINDS[problem.answer_kind].form,
            "shots": self._shown_to(problem) if self.shots else "",
        }
        # One pass, not str.format: braces are LaTeX here, in prompts and questions alike.
        written = (self.system_of(problem, sample), self.prompt)
        system, prompt = (SLOT.sub(lambda slot: fills[slot[1]], text) for text in written)
        user = Message("user", prompt)
        return (Message("system", system), user) if system else (user,)

    def _shown_to(self, problem: Problem) -> str:
        own = question_keys(problem)
        others = [shot for shot in self.shots if shot.overlap_key not in own][: self.shown]
        return "\n\n".join(f"Problem: {s.question}\n\nSolution: {s.reasoning}\n\n{s.answer}" for s in others)
