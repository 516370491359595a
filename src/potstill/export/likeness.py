"""Whether another program that was given a student answers as the student does, up to what rounding explains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from potstill.errors import StudentError
from potstill.export.safetensors import answer
from potstill.text import parting
from potstill.train.render import prompt_text


class ConversionError(StudentError):
    """A student that no such file can be made of, or a file that is not the student: says what stands against it."""


@dataclass(frozen=True)
class OtherProgram:
    """A program that goes on from tokens: `name` in messages, `margin` how much less likely, in logits, a token may be
    that it writes in the place of the model's first choice.

    `write` gets the tokens of a prompt and returns (its greedy response tokens, whether the last of them is one at
    which it ends and others go on).
    """

    name: str
    margin: float
    write: Callable[[Sequence[int]], tuple[Sequence[int], bool]]


def answers_alike(
    program: OtherProgram, model: Any, tokenizer: Any, stops: Sequence[int], prompts: Sequence[str]  # noqa: ANN401
) -> tuple[int, list[str]]:  # fmt: skip
    """Return how many prompts are answered with the same tokens, and the tokens at which the program alone ended.

    Other answers begin to differ where two tokens are as likely; one that the program ended is compared to its end.

    Raises:
        ConversionError: a token is less likely than `program.margin` allows.
    """
    same, ends = 0, set()
    for prompt in prompts:
        tokens, logits = answer(model, tokenizer, prompt)
        ids = list(tokenizer(prompt_text(tokenizer, prompt), add_special_tokens=False)["input_ids"])
        wanted = [token for token in tokens if token not in stops]
        written, ended = program.write(ids)
        found = [token for token in written if token not in stops]
        if ended and found and written[-1] == found[-1]:
            ends.add(str(tokenizer.convert_ids_to_tokens(found[-1])))
            wanted = wanted[: len(found)]
        if found == wanted:
            same += 1
            continue
        place = parting(found, wanted)
        here = logits[len(ids) - 1 + place]
        chosen = [found[place]] if place < len(found) else list(stops)
        less = float(here.max() - here[chosen].max())
        if less > program.margin:
            text = tokenizer.decode(found)
            raise ConversionError(
                f"{program.name} answers {prompt[:60]!r} with {text[:60]!r}, where the trained model finds "
                f"token {place + 1} less likely by {less:.2g}"
            )
    return same, sorted(ends)


def check_same(program: str, found: Any, wanted: Any, what: str) -> None:  # noqa: ANN401 - texts or lists of tokens
    """Raise ConversionError with the first difference where a program makes another thing of something."""
    if found != wanted:
        place = parting(found, wanted)
        raise ConversionError(
            f"{program} makes another thing of {what}: {found[max(0, place - 20) : place + 20]!r} in the "
            f"place of {wanted[max(0, place - 20) : place + 20]!r}"
        )
