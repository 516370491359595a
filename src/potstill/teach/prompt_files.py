"""The prompt that a recipe means: a file's, its own, or that of its strategy; and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from potstill.errors import RecipeError
from potstill.recipe import Strategy
from potstill.teach.prompts import SLOT
from potstill.teach.roles import Roles, read_prompt, texts_of
from potstill.teach.strategies import STRATEGIES, StrategyFile

_MEANT = {"question": "the problem belongs", "shots": "the worked examples belong"}
"""Slot that a prompt must have, where its strategy fills it in -> where that is."""


def prompt_of(strategy: Strategy, data: Path) -> str:
    """Return the prompt: that of `prompt_file`, else `prompt`, else (where that is empty) the packaged one of the kind.

    Raises:
        RecipeError: the file cannot be read, or a place that must be filled in is missing.
    """
    kind = STRATEGIES[strategy.kind]
    where, prompt = "strategy.prompt", strategy.prompt or _packaged(kind, strategy)
    if strategy.prompt_file is not None:
        path = data / Path(strategy.prompt_file).expanduser()
        where = f"strategy.prompt_file: {path}"
        prompt = read_prompt(path, where)
    slots = {slot[1] for slot in SLOT.finditer(prompt)}
    for slot, what in _MEANT.items():
        if slot in kind.SLOTS and slot not in slots:
            raise RecipeError(f"{where} never mentions {{{slot}}}: write it where {what}")
    for slot in sorted(slots.difference(kind.SLOTS)):
        others = " or ".join(name for name in STRATEGIES if slot in STRATEGIES[name].SLOTS)
        raise RecipeError(f"{where} mentions {{{slot}}}, and strategy.kind is {strategy.kind}: set it to {others}")
    return prompt


def _packaged(kind: StrategyFile, strategy: Strategy) -> str:
    """Return the packaged prompt of a kind; one with several has `prompt_for`, which says which a recipe means."""
    chosen: Callable[[Strategy], str] | None = getattr(kind, "prompt_for", None)
    return chosen(strategy) if chosen else kind.PROMPT


def role_prompts(strategy: Strategy, data: Path) -> dict[str, str]:
    """Return the prompts of a strategy that asks several things, by role; see `roles.texts_of`."""
    roles: Roles = getattr(STRATEGIES[strategy.kind], "ROLES", {})
    return texts_of(roles, strategy, data)
