"""The user's own filter of traces, called in worker processes that are killed when they take too long."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

from potstill.curate.filters import OwnFilter
from potstill.errors import DataError
from potstill.problems.functions import find_function, folder_of
from potstill.recipe import Recipe
from potstill.records import Problem, Trace
from potstill.verify.pool import CallFailedError, Pool, QueueFullError, WorkerDiedError, WorkerTimeoutError

SECONDS = 10.0
"""For one call, imports not counted."""
MEMORY_BYTES = 2 * 2**30
WHERE = "curate.filter"


def own_filter(recipe: Recipe) -> OwnFilter | None:
    """Return what asks the function `curate.filter` about a trace; None where the recipe has none.

    A call that fails, takes longer than `SECONDS` or returns neither None nor a text raises DataError with the trace's
    key: no trace is kept or dropped for a fault of the function.
    """
    name = recipe.curate.filter
    return None if name is None else partial(_asked, name, Path(recipe.data).resolve())


def _asked(name: str, data: Path, problem: Problem, trace: Trace) -> str:
    try:
        return str(_pool(name, data).call(_call, name, data, problem, trace, seconds=SECONDS) or "")
    except WorkerTimeoutError:
        what = f"took longer than {SECONDS:g} s"
    except (WorkerDiedError, CallFailedError, QueueFullError) as error:
        what = f"failed: {error}"
    row = f"problem {problem.id} of {problem.source}, sample {trace.sample}, trace {trace.key}"
    raise DataError(f"{WHERE}: {name} {what} ({row}): mend it and run again, nothing is lost")


@lru_cache(maxsize=8)
def _pool(name: str, data: Path) -> Pool:
    return Pool(
        partial(_prepare, name, data), workers=1, memory_bytes=MEMORY_BYTES, waiting=64, environment=os.environ
    )  # fmt: skip


def _prepare(name: str, data: Path) -> None:
    """Import the function, and let it import what stands beside it. Runs before the workers."""
    sys.path.append(str(folder_of(name, data)))
    find_function(name, data, WHERE)


@lru_cache(maxsize=8)
def _function(name: str, data: Path) -> Callable[..., object]:
    return find_function(name, data, WHERE)


def _call(name: str, data: Path, problem: Problem, trace: Trace) -> str:
    """Ask the function. Runs in a worker."""
    said: object = _function(name, data)(problem, trace)
    if said is None or isinstance(said, str):
        return said or ""
    raise TypeError(f"it returned {type(said).__name__}, not None or a text")
