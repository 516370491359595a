"""potstill clean: show the outputs of a run that its recipe no longer means."""

from __future__ import annotations

import argparse
from pathlib import Path

from potstill.errors import PotstillError

NAME, HELP = "clean", "show the outputs of a run that its recipe no longer means"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("run", metavar="RUN")
    command.add_argument("--remove", action="store_true", help="remove them")


def work(asked: argparse.Namespace) -> int:
    """Show the outputs that no name of a run points to, and remove them where that is asked for."""
    import shutil

    from potstill import pipeline
    from potstill.durable import files_of, writing
    from potstill.pipeline.stages import stages_of
    from potstill.recipe_file import load
    from potstill.store import Run, output_name

    run = Run(Path(asked.run))
    # Of a run of a study all runs of that study: they have their outputs together.
    recipes = [(each, each.path / "recipe.yaml") for each in run.together()]
    recipes = [(each, recipe) for each, recipe in recipes if recipe.is_file()]
    if not run.stages.is_dir() or not recipes:
        raise PotstillError(f"{run.path} is no run folder: it has no recipe.yaml and no folder stages")
    statuses = [s for each, recipe in recipes for s in pipeline.statuses(each, stages_of(load(str(recipe))))]
    # What a killed run goes on with has no name yet, and is meant all the same.
    meant = {f"{output_name(s.stage.kind, s.fingerprint)}.partial" for s in statuses if s.fingerprint is not None}
    total = 0
    try:
        run.lock()
        for path in (path for path in run.unused() if path.name not in meant):
            size = sum(file.stat().st_size for file in files_of(path))
            total += size
            print(f"{size / 1e6:>10,.1f} MB  {path.name}")
            if asked.remove:
                with writing(path):
                    shutil.rmtree(path)
    finally:
        run.unlock()
    done = "removed" if asked.remove else "to be had with --remove"
    print(f"{total / 1e6:>10,.1f} MB  {done}" if total else "every output is in use")
    return 0
