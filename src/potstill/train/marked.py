"""A row as people read it: every token with the segment that it belongs to, and EOS where it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from potstill.train.render import TRAINED, Segment
from potstill.train.segments import TokenRow, trained

BETWEEN = "¦"
"""Stands between tokens."""
_SHOWN = str.maketrans({"\n": "⏎", "\r": "␍", "\t": "⇥"})
_BROKEN = "\ufffd"
"""What a token decodes to that holds a part of a character."""


def segments_of(row: TokenRow) -> str:
    """Return how many tokens of each segment a row has: `110 prompt, 98 reasoning, 7 answer, 6 format`."""
    counts = Counter(row.segments)
    return ", ".join(f"{counts[segment]} {segment.name.lower()}" for segment in Segment if counts[segment])


def marked(row: TokenRow, tokenizer: Any) -> Iterator[tuple[Segment, list[str]]]:  # noqa: ANN401 - a tokenizer
    """Yield each stretch of one segment as lines of text, tokens between bars; a line ends where the text has one.

    The last trained token, at which the student learns to stop, is followed by `EOS`.
    """
    places = trained(row)
    stop = places[-1] if places else -1
    texts = list(_texts(row.ids, tokenizer))
    for code, group in groupby(range(len(row)), key=lambda place: row.segments[place]):
        lines, line = [], BETWEEN
        for place in group:
            line += f"{texts[place].translate(_SHOWN)}{BETWEEN}{' EOS' if place == stop else ''}"
            if "\n" in texts[place]:
                lines.append(line)
                line = BETWEEN
        yield Segment(code), lines if line == BETWEEN else [*lines, line]


def _texts(ids: tuple[int, ...], tokenizer: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield the text that each token adds; of tokens that hold parts of one character the last one adds it.

    A token is decoded behind the one before it, because some tokenizers take the white space off a beginning.
    """
    held: list[int] = []
    before: list[int] = []
    for token in ids:
        held.append(token)
        whole, known = (tokenizer.decode(part, clean_up_tokenization_spaces=False) for part in (before + held, before))
        if whole.endswith(_BROKEN) and len(held) < 4:  # of UTF-8 a character has at most four bytes
            yield ""
            continue
        yield whole[len(known) :]
        before, held = [token], []


def weight_of(segment: Segment) -> str:
    """Return whether the tokens of a segment carry loss."""
    return "trained" if segment in TRAINED else "no loss"
