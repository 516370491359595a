"""Memory that runs out, or is too little to begin with: what it looks like, and the one line that is said of it."""

from __future__ import annotations

import re

HEAVY = ("run", "quickstart", "study", "evaluate", "ask", "serve", "chat", "distill")
"""Commands that train or sample."""
LEAST_MB = 96
LEAST_MB_OF = {"export": 500, "ledger": 500, "show-rows": 1500, **dict.fromkeys(HEAVY, 1500)}
"""Of address space, to begin with. Below it libraries (numpy and pyarrow, torch) may end the process in ways of their
own: an allocation that fails in Rust or in a thread of C++ is no exception."""
_SHARE_OF_DATA = 0.5
"""Of the address space, what a limit on data alone (`ulimit -d`) counts of a process that has just begun."""
_EXHAUSTED = re.compile(
    r"(?i)out of memory|can(no|')t allocate|not enough memory|failed to map segment|can't start new thread|bad_alloc"
    r"|failed to launch worker thread"
)
"""`DefaultCPUAllocator: can't allocate memory: you tried to allocate 4194304 bytes`"""
USED_UP = (
    "the memory is used up; nothing committed is lost. Lower train.micro_batch and evaluate.batch, take a smaller "
    "model, or raise the limit (ulimit -v), and run again"
)


def too_little(command: str) -> str:
    """Return what is wrong with the memory limits of this process for a command, or an empty text."""
    try:
        import resource
    except ImportError:  # no such limits here
        return ""
    least = LEAST_MB_OF.get(command, LEAST_MB)
    for kind, option, share in ((resource.RLIMIT_AS, "-v", 1.0), (resource.RLIMIT_DATA, "-d", _SHARE_OF_DATA)):
        limit = resource.getrlimit(kind)[0]
        if limit != resource.RLIM_INFINITY and limit < least * share * 2**20:
            return (
                f"the memory limit of {limit >> 20} MB (ulimit {option}) is too little for `potstill {command}`, which "
                f"needs {least * share:.0f} MB to begin with: raise it"
            )
    return ""


def is_used_up(error: BaseException | None) -> bool:
    """Whether memory that ran out is behind an error: libraries that cannot be loaded then look as if not installed."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return any(isinstance(one, MemoryError) or _EXHAUSTED.search(str(one)) for one in seen)
