"""What `potstill plan` says, as values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from potstill.api.given import Given, read_recipe

if TYPE_CHECKING:
    from potstill.planning import RunPlan


def plan(
    recipe: Given, out: str | os.PathLike[str] | None = None, *, overrides: Mapping[str, object] | None = None,
    gpu: str | None = None,
) -> RunPlan:  # fmt: skip
    """Return what a run will take, stage by stage, before it is begun; see `run` for what is taken.

    What is committed in the run folder `out` (default: `runs/NAME`) is known, and so is what `potstill plan` with
    `--pilot` and `--probe` has measured for it. `gpu` plans for an accelerator of the table, such as `H100`, in place
    of this machine. Nothing is asked, trained or downloaded.

    Raises:
        PotstillError: the recipe or its problems cannot be read, in one line with the key and what to do.
    """
    from potstill.planning import plan_of
    from potstill.planning.record import measured_before
    from potstill.store import Run

    given = read_recipe(recipe, overrides)
    folder = Run(Path("runs") / given.recipe.name if out is None else Path(os.fspath(out)))
    with given.located():
        measured = measured_before(given.recipe, folder)
        return plan_of(given.recipe, folder, accelerator=gpu, measured=measured)
