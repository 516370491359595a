"""Verdicts on traces: right, wrong or unknown, and unknown is never wrong.

What judges is loaded when it is first asked for: recipes and plans name kinds of answers without judging any.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from potstill.verify.judged import Judged
    from potstill.verify.verdicts import Verdicts, judge, settled, verdict_of

__all__ = ["Judged", "Verdicts", "judge", "settled", "verdict_of"]
_HOMES = {"Judged": "judged", **dict.fromkeys(("Verdicts", "judge", "settled", "verdict_of"), "verdicts")}
"""Name -> the module of this package that has it."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
