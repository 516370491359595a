"""Ctrl-C while Python or a library is loading ends in one line and the exit code.

Python would print where it stood, and libraries that are written in C, or that guard their own imports, turn the
interrupt into an error of theirs or lose it. Ending at once is safe: whatever a run writes is whole at any moment.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` itself loads `enum` first, and that takes milliseconds
import os
import sys
from _thread import get_ident

TYPE_CHECKING = False  # without `typing`, for the same reason
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

INTERRUPTED = 130
TOLD = "potstill: interrupted; what is done is kept, the same command goes on from there"
_ours = {_signal.SIGINT}


def end_at_once(*_: object) -> None:
    """Say it and end, with the exit code of an interrupted command; for a signal that comes while something loads."""
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    os.write(2, f"{chr(10) if os.isatty(2) else ''}{TOLD}\n".encode())
    os._exit(INTERRUPTED)


def end_without_memory() -> None:
    """Say that there is no memory for even the first modules, and end."""
    os.write(2, b"potstill: the memory is used up before anything began: raise the limit (ulimit -v)\n")
    os._exit(2)


def _default() -> bool:
    return bool(_signal.getsignal(_signal.SIGINT) is _signal.default_int_handler)


def while_starting() -> None:
    """Let Ctrl-C end this process at once; a shell's background, where it is ignored, stays as it is."""
    if _default():
        _signal.signal(_signal.SIGINT, end_at_once)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _ours)


def start_over(argv: list[str], environment: dict[str, str]) -> None:
    """Become `python argv`; a Ctrl-C that comes before `while_starting` of the new one waits for it."""
    _signal.pthread_sigmask(_signal.SIG_BLOCK, _ours)
    os.execve(sys.executable, [sys.executable, *argv], environment)  # noqa: S606 - ourselves


def started() -> None:
    """Raise KeyboardInterrupt at Ctrl-C from here on, except while a package is imported."""
    if _signal.getsignal(_signal.SIGINT) is end_at_once:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        sys.meta_path.insert(0, _Whole())


class _Whole:
    """Finds nothing of its own: looks up the top-level package that is imported, and guards the loading of it."""

    def __init__(self) -> None:
        self.asking = False
        self.main = get_ident()
        from importlib.machinery import ExtensionFileLoader, SourceFileLoader
        from importlib.util import find_spec

        self.find, self.of_files = find_spec, (SourceFileLoader, ExtensionFileLoader)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the finders after this one have, with a guard around the execution of the module."""
        if path is not None or self.asking or not _default():
            return None
        self.asking = True
        try:
            spec = self.find(name)
        finally:
            self.asking = False
        loader: Any = spec.loader if spec is not None else None
        if not isinstance(loader, self.of_files):  # those of built-in modules are classes
            return spec
        load = loader.exec_module

        def guarded(module: ModuleType) -> None:
            del loader.exec_module  # the class has it
            if get_ident() != self.main or not _default():
                load(module)
                return
            _signal.signal(_signal.SIGINT, end_at_once)
            try:
                load(module)
            finally:
                _signal.signal(_signal.SIGINT, _signal.default_int_handler)

        loader.exec_module = guarded  # type: ignore[method-assign]
        return spec
