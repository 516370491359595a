"""An answer in so many words, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FoundIn(StrEnum):
    """Where an answer was found, as far as that decides how it is read; a report's `method` begins with it."""

    BOX = "box"
    SECOND_BOX = "second box"
    FIELD = "JSON field"
    TAG = "answer tag"
    STATED = "stated answer"


EXPLICIT = (FoundIn.BOX, FoundIn.SECOND_BOX, FoundIn.FIELD, FoundIn.TAG)
"""Places that mark exactly what is the answer: words there are one, too (`\\boxed{\\text{none}}`)."""


@dataclass(frozen=True, slots=True)
class Stated:
    """An answer in so many words: its span in the response with what announces it, and its own text.

    `firm` is false for what the text only expects: `the answer should be ...`.
    """

    start: int
    end: int
    text: str
    method: str
    firm: bool = True
