"""Sampling settings as the fields of a request body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potstill import recipe
from potstill.errors import RecipeError

LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
"""Fields of a request that bound its completion."""
_KEPT_NULL = "max_completion_tokens"
"""Null in `extra` for this one is sent on to `shapes`, which then leaves `max_tokens` as it is."""
_RESERVED = {
    "model": "the model has a key of its own",
    "messages": "potstill writes them",
    "n": "each sample is a request of its own: ask for several traces with strategy.samples",
    "stream": "replies are read whole",
    "stream_options": "replies are read whole",
}


def wire_sampling(sampling: recipe.Sampling, seed: int, section: str) -> dict[str, Any]:
    """Return the request fields of sampling settings with a seed; `extra` wins, and null in it removes a field.

    `section` is where the recipe has the settings, for messages.

    Raises:
        RecipeError: a field of `extra` belongs elsewhere.
    """
    for name in sampling.extra:
        if name in _RESERVED:
            raise RecipeError(f"{section}.extra.{name} cannot be set: {_RESERVED[name]}")
    if sampling.extra.get("seed") is not None:
        raise RecipeError(f"{section}.extra.seed cannot be set: each request has its own; null sends none")
    fields = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": seed,
    }
    return {name: value for name, value in (fields | sampling.extra).items() if value is not None or name == _KEPT_NULL}


def budget_of(sampling: Mapping[str, Any]) -> int | None:
    """Return the most tokens that a request allows its completion, None where it leaves that to the server."""
    limits = [sampling[name] for name in LIMITS if isinstance(sampling.get(name), int)]
    return max(limits, default=None)
