"""One whole render of the student's chat template, and where its parts lie in it.

The student's own template renders the conversation once; every part is then located by character offsets in that one
text, so that what is trained on is byte for byte what the template makes at inference time. A template that takes the
thinking out of a finished response (it is meant for the turns before), or whose generation prompt opens the thinking
and whose responses do not, cannot render it: the response is then written behind the generation prompt as the student
has to write it, and ends as the template ends a turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from potstill import recipe
from potstill.errors import AuditError
from potstill.models.local.chat import rendered
from potstill.text import split_response
from potstill.tool_marks import text_parts


class Segment(IntEnum):
    """What a token of a row is for; only reasoning, answer and format carry loss.

    `TOOL` is what a tool wrote inside a response: read by the student, never to be learnt.
    """

    PROMPT = 0
    REASONING = 1
    ANSWER = 2
    FORMAT = 3
    AFTER = 4
    TOOL = 5


TRAINED = (Segment.REASONING, Segment.ANSWER, Segment.FORMAT)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Characters [start, end) of a render that belong to one segment."""

    start: int
    end: int
    segment: Segment


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered conversation; `spans` follow each other without gap and cover `text`. `eos_end` is just after EOS."""

    text: str
    spans: tuple[Stretch, ...]
    eos_end: int


def ask(student: recipe.Student, statement: str) -> str:
    """Return what the student is asked: `student.prompt` with `{question}` filled in.

    One replacement, not `str.format`: braces inside a question are LaTeX and stay as they are.
    """
    return student.prompt.replace("{question}", statement).strip()


def split(student: recipe.Student, text: str) -> tuple[str, str]:
    """Split a response into reasoning and answer at the student's own marks, else at any marks that models use."""
    opening, closing = student.reasoning_open.strip(), student.reasoning_close.strip()
    before, mark, after = text.partition(closing)
    if mark:
        return before.strip().removeprefix(opening).strip(), after.strip()
    if opening and text.lstrip().startswith(opening):
        return text.strip().removeprefix(opening).strip(), ""
    found = split_response(text)
    return found.reasoning, found.answer


def prompt_text(tokenizer: Any, prompt: str) -> str:  # noqa: ANN401 - a Hugging Face tokenizer
    """Return what a student reads that is asked `prompt`: the turn of a user and the beginning of the answer."""
    return rendered(tokenizer, [{"role": "user", "content": prompt}], ask=True)


def is_opened(student: recipe.Student, begun: str) -> bool:
    """Return whether `begun`, where an answer begins, has the mark of thinking already."""
    mark = student.reasoning_open.strip()
    return bool(mark) and begun.rstrip().endswith(mark)


def stop_texts(tokenizer: Any, stop_ids: Sequence[int]) -> tuple[str, ...]:  # noqa: ANN401 - a Hugging Face tokenizer
    """Return the texts of the tokens that end a response: the tokenizer's EOS and those of the generation config."""
    ids = dict.fromkeys([tokenizer.eos_token_id, *stop_ids])
    return tuple(str(tokenizer.convert_ids_to_tokens(token)) for token in ids if token is not None)


def render(
    tokenizer: Any,  # noqa: ANN401 - a Hugging Face tokenizer
    student: recipe.Student,
    prompt: str,
    reasoning: str,
    answer: str,
    stops: Sequence[str],
) -> Rendered:
    """Render user `prompt` and the assistant's response once and locate its parts.

    The response is `reasoning_open + reasoning + reasoning_close + answer`, or the answer alone where `reasoning` is
    empty. Where the generation prompt opens the reasoning, a response without it begins with `reasoning_close`.
    `stops` are the texts that end a response (`stop_texts`). Text after the stop belongs to no loss.
    Raises AuditError where the template changes or hides a part.
    """
    reasoning, answer = reasoning.strip(), answer.strip()
    content = f"{student.reasoning_open}{reasoning}{student.reasoning_close}{answer}" if reasoning else answer
    user = {"role": "user", "content": prompt}
    begun = prompt_text(tokenizer, prompt)
    text = rendered(tokenizer, [user, {"role": "assistant", "content": content}], ask=False)
    if prompt not in begun:
        raise AuditError(f"the chat template does not show the user's message as it is: {_shorten(begun)}")
    mark = student.reasoning_open.strip()
    opened = is_opened(student, begun)
    kept = text.startswith(begun) and student.reasoning_close.strip() in text[len(begun) :]
    if answer and not kept and (opened or reasoning):
        plain = rendered(tokenizer, [user, {"role": "assistant", "content": answer}], ask=False)
        ending = _ending(plain, begun.rstrip().removesuffix(mark) if opened else begun, answer)
        if ending is not None and (opened or text == plain):
            begins = "" if opened else student.reasoning_open
            text = f"{begun}{begins if reasoning else ''}{reasoning}{student.reasoning_close}{answer}{ending}"
    if not text.startswith(begun):
        raise AuditError(
            "the chat template renders a finished response differently from its own generation prompt "
            f"({_shorten(begun[-60:])}), so the student would be trained on what it is never asked; set "
            "student.reasoning_open and reasoning_close to the marks that the prompt opens, or use a template without"
        )
    return _locate(text, begun, student, reasoning, answer, stops, opened=opened)


def _ending(plain: str, head: str, answer: str) -> str | None:
    """Return how a template ends a turn: what follows the answer in a response of the answer alone behind `head`."""
    start = _skip(plain, len(head), "") if plain.startswith(head) else None
    return plain[start + len(answer) :] if start is not None and plain.startswith(answer, start) else None


def _locate(
    text: str, begun: str, student: recipe.Student, reasoning: str, answer: str, stops: Sequence[str], *, opened: bool
) -> Rendered:
    """Walk the response from the end of the generation prompt: mark, reasoning, mark, answer, stop."""
    here = len(begun)
    spans = [Stretch(0, here, Segment.PROMPT)]
    if reasoning:
        start = _skip(text, here, "" if opened else student.reasoning_open)
        if start is None or not text.startswith(reasoning, start):
            raise AuditError(
                "the chat template strips or changes the reasoning of a response; give the student a template that "
                f"shows the assistant's content as it is (after the prompt it renders {_shorten(text[here:])})"
            )
        spans += [Stretch(here, start, Segment.FORMAT), *_reasoning(start, reasoning)]
        here = start + len(reasoning)
        start = _skip(text, here, student.reasoning_close)
    elif opened:
        start = _skip(text, here, student.reasoning_close)
    else:
        start = _skip(text, here, "")
        if start is not None and not text.startswith(answer, start):  # some templates write an empty pair of marks
            start = _skip(text, here, student.reasoning_open + student.reasoning_close)
    if start is None or not answer or not text.startswith(answer, start):
        raise AuditError(
            f"the chat template strips or changes the answer of a response (it renders {_shorten(text[here:])})"
            if answer
            else "a row has an empty answer segment"
        )
    end = start + len(answer)
    spans += [Stretch(here, start, Segment.FORMAT), Stretch(start, end, Segment.ANSWER)]
    stop = _skip(text, end, "")
    found = next((s for s in stops if s and stop is not None and text.startswith(s, stop)), None)
    if stop is None or found is None:
        raise AuditError(
            f"no trained EOS: after the answer the chat template renders {_shorten(text[end:]) or 'nothing'} and not "
            f"one of {', '.join(map(repr, stops))}; set eos_token (or the generation config's eos_token_id) to the "
            "token that ends a turn in the template"
        )
    eos_end = stop + len(found)
    spans += [Stretch(end, eos_end, Segment.FORMAT), Stretch(eos_end, len(text), Segment.AFTER)]
    return Rendered(text, tuple(span for span in spans if span.end > span.start), eos_end)


_PARTS = {"text": Segment.REASONING, "mark": Segment.FORMAT, "result": Segment.TOOL}


def _reasoning(start: int, reasoning: str) -> list[Stretch]:
    """Return the reasoning that begins at `start`: what tools wrote in it is theirs, a call's closing mark format.

    The mark has its loss as an end tag has: a student that never learnt it would not stop to be told a result.
    """
    return [Stretch(start + part.start, start + part.end, _PARTS[part.part]) for part in text_parts(reasoning)]


def _skip(text: str, start: int, mark: str) -> int | None:
    """Return where `text` goes on after `mark` and white space, or None where another text stands there.

    White space is free on both sides, because templates may add or remove a line break around a mark.
    """
    here = start
    for character in mark:
        if character.isspace():
            continue
        while here < len(text) and text[here].isspace():
            here += 1
        if here >= len(text) or text[here] != character:
            return None
        here += 1
    while here < len(text) and text[here].isspace():
        here += 1
    return here


def _shorten(text: str, limit: int = 80) -> str:
    """Return `text` quoted on one line, at most `limit` characters of it."""
    return repr(text if len(text) <= limit else text[: limit - 3] + "...")
