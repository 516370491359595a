"""How a reward model reads texts: tokens of a question and a solution, and the positions that carry its scores.

One layout for the models that score here and for those that are trained here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from potstill.models.local.chat import rendered

LARGEST = 1 << 24
"""Tokenizers without a limit name an absurd one, a limit above this is none."""


@dataclass(frozen=True, slots=True)
class Row:
    """Token ids of one input, or why it has none."""

    ids: Sequence[int]
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Laid:
    """A solution as tokens; `ends` are the positions that carry the steps' scores."""

    row: Row
    ends: tuple[int, ...]


class Layout:
    """A tokenizer with what a model reads at most: `longest` tokens; nothing is cut to fit."""

    def __init__(self, tokenizer: Any, longest: int) -> None:  # noqa: ANN401 - a Hugging Face tokenizer
        self.tokenizer, self.longest = tokenizer, longest
        added = tokenizer.added_tokens_decoder.values()
        self.special = sorted({*tokenizer.all_special_tokens, *(str(token) for token in added if token.special)})

    def ids(self, text: str) -> list[int]:
        """Return the tokens of a text by itself."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def refusal(self, *texts: str) -> str:
        """Return why texts cannot be scored, or an empty text: one with a special token could forge a turn."""
        found = next((token for token in self.special for text in texts if token and token in text), None)
        return f"holds the special token {found} of the reward model" if found else ""

    def fitted(self, ids: Sequence[int]) -> Row:
        """Return a row, refused where it is empty or longer than the model reads."""
        if len(ids) > self.longest:
            return Row((), f"{len(ids):,} tokens, the reward model reads {self.longest:,}")
        return Row(ids, "" if ids else "no tokens")

    def process(self, question: str, steps: Sequence[str], separator: Sequence[int]) -> Laid:
        """Lay out a solution for a process model, as TRL's PRMTrainer did.

        The beginning-of-text token if there is one, the question, then each step without the white space around it and
        the separator, every piece tokenised by itself; the last token of each separator carries the step's score.
        """
        if not steps:
            return Laid(Row((), "no steps"), ())
        if why := self.refusal(question, *steps):
            return Laid(Row((), why), ())
        first = self.tokenizer.bos_token_id
        ids = [*([] if first is None else [first]), *self.ids(question)]
        ends = []
        for step in steps:
            ids += [*self.ids(step.strip()), *separator]
            ends.append(len(ids) - 1)
        return Laid(self.fitted(ids), tuple(ends))

    def outcome(self, question: str, response: str, pad: int | None) -> Laid:
        """Lay out a response for an outcome model: as the assistant's turn of its chat template, or as a second text.

        A sequence classifier reads its score at the last token that is not `pad`, the id of the padding.
        """
        if why := self.refusal(question, response):
            return Laid(Row((), why), ())
        if self.tokenizer.chat_template:
            turns = [{"role": "user", "content": question}, {"role": "assistant", "content": response}]
            ids = self.ids(rendered(self.tokenizer, turns, ask=False))
        elif self.tokenizer.sep_token is not None:
            ids = self.tokenizer(question, response)["input_ids"]
        else:
            ids = self.tokenizer(f"{question}\n\n{response}")["input_ids"]
        end = next((place for place in range(len(ids) - 1, -1, -1) if ids[place] != pad), len(ids) - 1)
        return Laid(self.fitted(ids), (end,))
