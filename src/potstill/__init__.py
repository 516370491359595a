"""potstill: reasoning distillation, from problems to a measured student."""

from __future__ import annotations

TYPE_CHECKING = False  # without `typing`: every start of the command pays for what is imported here
if TYPE_CHECKING:
    from potstill.api import check, open, plan, run, study  # noqa: A004 - as `potstill.open`
    from potstill.errors import PotstillError

__all__ = ["PotstillError", "__version__", "check", "open", "plan", "run", "study"]
__version__ = "0.1.0"
_FROM = {"PotstillError": "potstill.errors", **dict.fromkeys(("check", "open", "plan", "run", "study"), "potstill.api")}
"""What is imported when it is first asked for: `import potstill` itself takes no time and loads no torch."""


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _FROM:
        raise AttributeError(f"module 'potstill' has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(_FROM[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_FROM})
