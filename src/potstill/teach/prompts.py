"""What a teacher is asked: a prompt file with `{question}`, `{answer_form}` and, for few-shot, `{shots}` filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from potstill.errors import RecipeError
from potstill.models.requests import Message
from potstill.recipe import Strategy
from potstill.records import Problem
from potstill.teach.shots import Shot, drawn_shots, question_keys, read_shots

ANSWER_FORMS: dict[str, str] = {
    "choice": r"End with the letter of the right choice in \boxed{}.",
    "yes_no": r"End with yes or no in \boxed{}.",
    "code": "End with the whole program in one fenced block.",
    "text": r"End with the final answer alone in \boxed{}.",
}
"""Answer kind -> what `{answer_form}` says of the final answer, so that it can be found in the response."""
MATHEMATICAL_FORM = r"End with the final answer in \boxed{}."
LONGEST = 1_000_000
"""Characters of a prompt file."""
_SLOT = re.compile(r"\{(question|answer_form|shots)\}")


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
            "answer_form": ANSWER_FORMS.get(problem.answer_kind, MATHEMATICAL_FORM),
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
    where, prompt = "strategy.prompt", strategy.prompt or packaged_prompt(strategy.kind)
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
    if "question" not in slots:
        raise RecipeError(f"{where} never mentions {{question}}: write it where the problem belongs")
    if strategy.kind == "few_shot" and "shots" not in slots:
        raise RecipeError(f"{where} never mentions {{shots}}: write it where the worked examples belong")
    if strategy.kind == "zero_shot" and "shots" in slots:
        raise RecipeError(f"{where} mentions {{shots}}, and strategy.kind is zero_shot: set it to few_shot")
    return prompt


def asking(
    strategy: Strategy, training: Callable[[], Iterable[Problem]], held_out: Callable[[], Iterable[Problem]], *,
    data: Path, seed: int, kept: Path,
) -> Asking:  # fmt: skip
    """Return how the problems of a run are asked; drawn worked examples are remembered in the file `kept`.

    Raises:
        RecipeError, DataError, StoreError: see `prompt_of`, `read_shots` and `drawn_shots`.
    """
    prompt = prompt_of(strategy, data)
    if strategy.kind == "zero_shot":
        return Asking(strategy.system, prompt)
    if strategy.shots_file is not None:
        shots = read_shots(strategy.shots_file, data, strategy.shots, held_out())
    else:
        shots = drawn_shots(training, held_out(), strategy.shots, seed=seed, kept=kept)
    return Asking(strategy.system, prompt, shots, strategy.shots)


def _text(written: str) -> str:
    """Return a file's text without the line ends around it, which editors add and nobody means."""
    return written.replace("\r\n", "\n").strip("\n")
