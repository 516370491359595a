"""The problem alone."""

from __future__ import annotations

from potstill.recipe import Strategy
from potstill.teach.prompts import Asking
from potstill.teach.roles import packaged
from potstill.teach.strategies import Material

PROMPT = packaged("zero_shot")
SLOTS = ("question", "answer_form")


def asking(prompt: str, strategy: Strategy, material: Material) -> Asking:
    """Return how every problem is asked."""
    del material
    return Asking(strategy.system, prompt)
