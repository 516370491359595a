"""Rows to train on: token ids, and for each token the segment that it belongs to.

Segments come from character offsets of the whole render, never from token ids, so a pad token that equals EOS
(SmolLM2 ships so) changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from potstill import recipe
from potstill.errors import AuditError
from potstill.records import Example
from potstill.train.render import TRAINED, Rendered, Segment, render

_FIRST = (Segment.FORMAT, Segment.ANSWER, Segment.REASONING, Segment.TOOL, Segment.PROMPT, Segment.AFTER)
"""Which segment a token belongs to that touches several: the one whose loss must not get lost comes first."""


class Unfit(StrEnum):
    """Why an example makes no row."""

    OVER_LENGTH = "over max_length tokens"
    CONTROL_TEXT = "text contains a control token or a reasoning mark"
    EMPTY_ANSWER = "empty answer"


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One example as tokens. `segments` holds one `Segment` code a token; `example` is its index among the examples."""

    ids: tuple[int, ...]
    segments: bytes
    example: int
    weight: float = 1.0

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class TokenRows:
    """The rows of a training run, and why the other examples are not among them."""

    rows: tuple[TokenRow, ...]
    dropped: tuple[tuple[int, Unfit], ...]
    """(index of the example, reason)."""

    @property
    def counts(self) -> dict[str, int]:
        """Dropped examples by reason."""
        return dict(sorted(Counter(reason for _, reason in self.dropped).items()))


class RowMaker:
    """Renders and tokenises examples, one at a time; `stops` are the texts that end a response (`stop_texts`).

    An example without reasoning makes a row of the answer alone. A row of more than `max_length` tokens is left out,
    never cut; so is one whose text would forge a control token or a reasoning mark.
    """

    def __init__(
        self,
        tokenizer: Any,  # noqa: ANN401 - a Hugging Face tokenizer
        student: recipe.Student,
        max_length: int,
        stops: Sequence[str],
    ) -> None:
        self.tokenizer, self.student, self.max_length, self.stops = tokenizer, student, max_length, stops
        self.forbidden = control_texts(tokenizer, student)

    def make(self, index: int, example: Example, prompt: str) -> TokenRow | Unfit:
        """Return the row of the example `index`, or why it has none; `prompt` is what the student is asked (`ask`).

        Raises:
            AuditError: the chat template cannot carry the example.
        """
        reason = _unfit(example, prompt, self.forbidden)
        if reason is not None:
            return reason
        rendered = render(self.tokenizer, self.student, prompt, example.reasoning, example.answer, self.stops)
        ids, segments = tokenise(self.tokenizer, rendered)
        return TokenRow(ids, segments, index, example.weight) if len(ids) <= self.max_length else Unfit.OVER_LENGTH


def make_rows(
    examples: Sequence[Example],
    prompts: Sequence[str],
    tokenizer: Any,  # noqa: ANN401 - a Hugging Face tokenizer
    student: recipe.Student,
    max_length: int,
    stops: Sequence[str],
) -> TokenRows:
    """Return the rows of a few examples in memory; `prompts[i]` is what the student is asked in example i.

    Those of a training go to disk, see `potstill.train.rows`. Raises AuditError where the chat template cannot carry
    the examples.
    """
    if len(examples) != len(prompts):
        raise ValueError(f"{len(examples)} examples and {len(prompts)} prompts")
    maker = RowMaker(tokenizer, student, max_length, stops)
    rows: list[TokenRow] = []
    dropped: list[tuple[int, Unfit]] = []
    for index, (example, prompt) in enumerate(zip(examples, prompts, strict=True)):
        made = maker.make(index, example, prompt)
        if isinstance(made, Unfit):
            dropped.append((index, made))
        else:
            rows.append(made)
    return TokenRows(tuple(rows), tuple(dropped))


def control_texts(tokenizer: Any, student: recipe.Student) -> tuple[str, ...]:  # noqa: ANN401
    """Return the texts that no example may contain: special tokens and the student's reasoning marks."""
    special = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    marks = [student.reasoning_open.strip(), student.reasoning_close.strip()]
    return tuple(dict.fromkeys(text for text in [*special, *marks] if text))


def _unfit(example: Example, prompt: str, forbidden: Sequence[str]) -> Unfit | None:
    """Return why an example cannot become a row, None where it can."""
    if not example.answer.strip():
        return Unfit.EMPTY_ANSWER
    parts = (prompt, example.reasoning, example.answer)
    return Unfit.CONTROL_TEXT if any(text in part for part in parts for text in forbidden) else None


def tokenise(tokenizer: Any, rendered: Rendered) -> tuple[tuple[int, ...], bytes]:  # noqa: ANN401
    """Return token ids of the whole render and one segment code a token.

    The row begins with the tokens of the prompt as it will be asked: where a token of the whole render would straddle
    the end of the prompt (`: ` and `The` as `:` and ` The`), the response is tokenised by itself. Past the prompt, a
    token that touches several segments goes to format before answer before reasoning, so that no character of a mark,
    an answer or EOS loses its loss. Characters that offsets leave out (some tokenizers trim white space) belong to the
    token that follows them. Raises AuditError where the response by itself would be other text.
    """
    text, end = rendered.text, rendered.spans[0].end
    whole = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = list(whole["input_ids"]), list(whole["offset_mapping"])
    asked = tokenizer(text[:end], add_special_tokens=False, return_offsets_mapping=True)
    if ids[: len(asked["input_ids"])] != asked["input_ids"]:
        rest = tokenizer(text[end:], add_special_tokens=False, return_offsets_mapping=True)
        ids = [*asked["input_ids"], *rest["input_ids"]]
        offsets = [*asked["offset_mapping"], *((start + end, stop + end) for start, stop in rest["offset_mapping"])]
        if tokenizer.decode(ids) != tokenizer.decode(whole["input_ids"]):
            raise AuditError(
                f"the tokenizer joins the end of the prompt {text[:end][-20:]!r} with the beginning of the response, "
                "so the student would be trained on what it is never asked; end the chat template's generation prompt "
                "with a special token, or without white space"
            )
    return tuple(ids), segment_codes(offsets, rendered)


def segment_codes(offsets: Sequence[tuple[int, int]], rendered: Rendered) -> bytes:
    """Return one segment code for each token, given its character offsets [start, end) in the render."""
    spans = rendered.spans
    starts, ends = np.asarray(offsets, dtype=np.int64).reshape(-1, 2).T
    covered = np.maximum.accumulate(np.concatenate([[0], ends]))
    begin = np.minimum(starts, covered[:-1])
    # The spans that a token touches: from the one that its beginning lies in to the last that begins before its end.
    first = np.searchsorted([span.end for span in spans[:-1]], begin, side="right")
    first = np.maximum.accumulate(first)
    last = np.searchsorted([span.start for span in spans], np.maximum(ends, begin + 1), side="left") - 1
    codes = np.array([span.segment for span in spans], dtype=np.uint8)[first]
    for token in np.flatnonzero(last > first):
        touched = {span.segment for span in spans[first[token] : last[token] + 1]}
        codes[token] = next(segment for segment in _FIRST if segment in touched)
    if covered[-1] < rendered.eos_end:
        raise AuditError("the tokenizer leaves out the end of a response: no token covers EOS")
    return codes.tobytes()


def trained(row: TokenRow) -> list[int]:
    """Return the positions of a row that carry loss; position 0 has nothing before it to be predicted from."""
    return [position for position, code in enumerate(row.segments) if position and code in TRAINED]
