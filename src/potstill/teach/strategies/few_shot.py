"""The problem after worked examples: of a file, or drawn from the training problems that have a solution."""

from __future__ import annotations

from potstill.recipe import Strategy
from potstill.teach.prompts import Asking
from potstill.teach.roles import packaged
from potstill.teach.shots import drawn_shots, read_shots
from potstill.teach.strategies import Material

PROMPT = packaged("few_shot")
SLOTS = ("question", "answer_form", "shots")


def asking(prompt: str, strategy: Strategy, material: Material) -> Asking:
    """Return how every problem is asked; drawn examples are remembered.

    Raises:
        DataError, StoreError: see `read_shots` and `drawn_shots`.
    """
    if strategy.shots_file is not None:
        shots = read_shots(strategy.shots_file, material.data, strategy.shots, material.held_out())
    else:
        shots = drawn_shots(
            material.training, material.held_out(), strategy.shots, seed=material.seed, kept=material.kept
        )
    return Asking(strategy.system, prompt, shots, strategy.shots)
