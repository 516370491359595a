"""The prompts of a strategy that asks several things: one file for each role, packaged ones or the user's own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from potstill.errors import RecipeError, nearest
from potstill.models.requests import Message
from potstill.recipe import Strategy

LONGEST = 1_000_000
"""Characters of a prompt file."""
_SLOT = re.compile(r"\{([a-z_]+)\}")
"""`{steps}`; not `{2}` of a power."""
Roles = Mapping[str, Sequence[str]]
"""Role -> the places that its prompt has to have."""


def texts_of(roles: Roles, strategy: Strategy, data: Path) -> dict[str, str]:
    """Return the prompt of each role: that of the user's file (`strategy.prompts`), else the packaged one.

    Raises:
        RecipeError: a file cannot be read, its role is none of the strategy, or a place is missing in it.
    """
    for role in strategy.prompts:
        if role not in roles:
            known = f"{strategy.kind} has {', '.join(roles)}" if roles else f"{strategy.kind} has none of its own"
            raise RecipeError(f"strategy.prompts.{role}: no such prompt{nearest(role, list(roles))}; {known}")
    return {role: _text(role, slots, strategy, data) for role, slots in roles.items()}


def _text(role: str, slots: Sequence[str], strategy: Strategy, data: Path) -> str:
    if (named := strategy.prompts.get(role)) is None:
        return packaged(f"{strategy.kind}_{role}")
    path = data / Path(named).expanduser()
    where = f"strategy.prompts.{role}: {path}"
    text = read_prompt(path, where)
    for slot in slots:
        if f"{{{slot}}}" not in text:
            raise RecipeError(f"{where} never mentions {{{slot}}}: write it where that belongs")
    return text


def read_prompt(path: Path, where: str) -> str:
    """Return the text of a prompt file without the line ends around it; `where` names it in messages.

    Raises:
        RecipeError: it cannot be read, or is too large to be a prompt.
    """
    try:
        if path.stat().st_size > LONGEST:
            raise RecipeError(f"{where} is no prompt: it has more than {LONGEST:,} characters")
        return whole_text(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{where} cannot be read ({error}): name a text file in UTF-8") from None


def packaged(name: str) -> str:
    """Return a prompt that comes with potstill."""
    return whole_text(files("potstill.teach").joinpath("prompts", f"{name}.txt").read_text(encoding="utf-8"))


def whole_text(written: str) -> str:
    """Return a file's text without the line ends around it, which editors add and nobody means."""
    return written.replace("\r\n", "\n").strip("\n")


def filled(text: str, **fills: str) -> str:
    """Return a prompt with its places filled in, in one pass: what is filled in may hold braces, as LaTeX does."""
    return _SLOT.sub(lambda slot: fills.get(slot[1], slot[0]), text)


def turns(system: str, text: str) -> tuple[Message, ...]:
    """Return the conversation of one user message, under a system message where there is one."""
    user = Message("user", text)
    return (Message("system", system), user) if system else (user,)
