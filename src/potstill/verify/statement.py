"""An answer in so many words, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass


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
