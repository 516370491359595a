"""Tools that a teacher or a student may call while it answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le

from potstill.recipe.scopes import ForToolUse
from potstill.tables import OneOf


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One tool, by its kind; what belongs to another kind is refused."""

    kind: ForToolUse[Annotated[str, OneOf("potstill.teach.tools:TOOLS")]]
    """Which tool. `python`: a program in the sandbox, with the files of the problem; `calculator`: exact arithmetic of
    plain numbers; `lookup`: what a file or a function of yours says of a text."""
    seconds: ForToolUse[Annotated[float, Ge(0.1), Le(600)]] = 5.0
    """Seconds for one call; then it has failed."""
    memory_mb: ForToolUse[Annotated[int, Ge(64), Le(65_536)]] = 512
    """Memory of a program, in MiB, for `python`."""
    characters: ForToolUse[Annotated[int, Gt(0), Le(50_000)]] = 800
    """Characters of a result that are shown; of a longer one the head and the tail, and how much is left out."""
    file: ForToolUse[str | None] = None
    """For `lookup`: a CSV or JSONL file, relative to `data`, whose first column is looked in and whose others are
    told."""
    function: ForToolUse[str | None] = None
    """For `lookup`: a function of yours, `module:function`, that gets the text of a call and returns a text."""

    def contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield (key, what is wrong) where single values are fine and their combination is not."""
        given = [name for name in ("file", "function") if getattr(self, name) is not None]
        if self.kind == "lookup" and len(given) != 1:
            yield (), f"a lookup needs exactly one of file and function; found {' and '.join(given) or 'none'}"
        if self.kind in ("python", "calculator") and given:
            yield (given[0],), f"belongs to a lookup, not to {self.kind}"
