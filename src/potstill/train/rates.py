"""The learning rate of each optimiser step: a rise, then the schedule."""

from __future__ import annotations

import math

from potstill import recipe


def learning_rate(step: int, steps: int, settings: recipe.Train) -> float:
    """Return the rate of optimiser step `step` (from 0) of `steps`: linear warm-up, then the schedule."""
    warm = math.ceil(settings.warmup * steps)
    if step < warm:
        return recipe.number(settings.learning_rate) * (step + 1) / (warm + 1)
    return _scheduled((step - warm) / max(1, steps - 1 - warm), settings)


def rate_of_share(before: float, after: float, settings: recipe.Train) -> float:
    """Return the rate of a step that takes the spent share of a budget, of which no steps are known, from one to other.

    The warm-up is as linear as the shares are.
    """
    warm = settings.warmup
    if before < warm:
        return recipe.number(settings.learning_rate) * min(1.0, after / warm)
    return _scheduled(min(1.0, (before - warm) / max(1e-9, 1 - warm)), settings)


def _scheduled(gone: float, settings: recipe.Train) -> float:
    """Return the rate when the share `gone` of what follows the warm-up is behind."""
    if settings.schedule == "constant":
        return recipe.number(settings.learning_rate)
    shape = (1 + math.cos(math.pi * gone)) / 2 if settings.schedule == "cosine" else 1 - gone
    return recipe.number(settings.learning_rate) * (settings.final + (1 - settings.final) * shape)
