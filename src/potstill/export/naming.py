"""Names of delivered files, and of the types that a recipe asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from potstill.errors import RecipeError, nearest


def slug(name: str) -> str:
    """Return a recipe's name as a file may be called."""
    # `my recipe/2` becomes `my-recipe-2`.
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "student"


def unknown(architecture: object, known: Iterable[str]) -> str:
    """Return what is said of an architecture that there is no converter for."""
    return f"no converter for the architecture {architecture!r} (there is one for {', '.join(known)})"


def types_in(exporter: str, options: Mapping[str, Any], known: Iterable[str]) -> tuple[str, ...]:
    """Return the types that the options of an exporter name, each once.

    Raises:
        RecipeError: one is not known, or there is none.
    """
    types, known = tuple(dict.fromkeys(options.get("types", ()))), list(known)
    for name in types:
        if name not in known:
            raise RecipeError(f"export.{exporter}: no type {name!r}{nearest(str(name), known)}")
    if not types:
        raise RecipeError(f"export.{exporter}: name at least one type ({', '.join(known)})")
    return types
