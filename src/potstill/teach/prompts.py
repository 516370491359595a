"""What a teacher is asked: a prompt file with `{question}`, `{answer_form}` and, for few-shot, `{shots}` filled in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files

from potstill.models.requests import Message
from potstill.records import Problem
from potstill.teach.shots import Shot, question_keys
from potstill.verify.answer_kinds import ANSWER_KINDS

SLOT = re.compile(r"\{(question|answer_form|shots)\}")
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


def packaged_prompt(kind: str) -> str:
    """Return the prompt that comes with potstill for a kind of strategy."""
    return whole_text(files("potstill.teach").joinpath("prompts", f"{kind}.txt").read_text(encoding="utf-8"))


def whole_text(written: str) -> str:
    """Return a file's text without the line ends around it, which editors add and nobody means."""
    return written.replace("\r\n", "\n").strip("\n")
