"""What a teacher is asked: a prompt file with `{question}`, `{answer_form}` and, for few-shot, `{shots}` filled in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from potstill.errors import RecipeError
from potstill.models.requests import Message
from potstill.recipe import Strategy
from potstill.records import Problem
from potstill.teach.shots import Shot, question_keys
from potstill.verify.answer_kinds import ANSWER_KINDS

LONGEST = 1_000_000
"""Characters of a prompt file."""
_SLOT = re.compile(r"\{(question|answer_form|shots)\}")
"""`{question}`; not `{x}` of a set."""
_MEANT = {"question": "the problem belongs", "shots": "the worked examples belong"}
"""Slot that a prompt must have, where its strategy fills it in -> where that is."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How every problem is asked; `shown` of the `shots` stand before it, its own never."""

    system: str
    prompt: str
    shots: tuple[Shot, ...] = ()
    shown: int = 0

    def messages(self, problem: Problem) -> tuple[Message, ...]:
        """Return the conversation that asks a problem; a system message without text is left out."""
        fills = {
            "question": problem.statement,
            "answer_form": ANSWER_KINDS[problem.answer_kind].form,
            "shots": self._shown_to(problem) if self.shots else "",
        }
        # One pass, not str.format: braces are LaTeX here, in prompts and questions alike.
        system, prompt = (_SLOT.sub(lambda slot: fills[slot[1]], text) for text in (self.system, self.prompt))
        user = Message("user", prompt)
        return (Message("system", system), user) if system else (user,)

    def _shown_to(self, problem: Problem) -> str:
        own = question_keys(problem)
        others = [shot for shot in self.shots if shot.overlap_key not in own][: self.shown]
        return "\n\n".join(f"Problem: {s.question}\n\nSolution: {s.reasoning}\n\n{s.answer}" for s in others)


def packaged_prompt(kind: str) -> str:
    """Return the prompt that comes with potstill for a kind of strategy."""
    return _text(files("potstill.teach").joinpath("prompts", f"{kind}.txt").read_text(encoding="utf-8"))


def prompt_of(strategy: Strategy, data: Path) -> str:
    """Return the prompt: that of `prompt_file`, else `prompt`, else (where that is empty) the packaged one of the kind.

    Raises:
        RecipeError: the file cannot be read, or a place that must be filled in is missing.
    """
    from potstill.teach.strategies import STRATEGIES

    kind = STRATEGIES[strategy.kind]
    where, prompt = "strategy.prompt", strategy.prompt or kind.PROMPT
    if strategy.prompt_file is not None:
        path = data / Path(strategy.prompt_file).expanduser()
        where = f"strategy.prompt_file: {path}"
        try:
            if path.stat().st_size > LONGEST:
                raise RecipeError(f"{where} is no prompt: it has more than {LONGEST:,} characters")
            prompt = _text(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"{where} cannot be read ({error}): name a text file in UTF-8") from None
    slots = {slot[1] for slot in _SLOT.finditer(prompt)}
    for slot, what in _MEANT.items():
        if slot in kind.SLOTS and slot not in slots:
            raise RecipeError(f"{where} never mentions {{{slot}}}: write it where {what}")
    for slot in sorted(slots.difference(kind.SLOTS)):
        others = " or ".join(name for name in STRATEGIES if slot in STRATEGIES[name].SLOTS)
        raise RecipeError(f"{where} mentions {{{slot}}}, and strategy.kind is {strategy.kind}: set it to {others}")
    return prompt


def _text(written: str) -> str:
    """Return a file's text without the line ends around it, which editors add and nobody means."""
    return written.replace("\r\n", "\n").strip("\n")
