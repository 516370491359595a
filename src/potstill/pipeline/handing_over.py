"""The problems of a run, and how their answers are judged, as a trainer of others takes them."""

from __future__ import annotations

from pathlib import Path

from potstill import __version__
from potstill.durable import write_durably
from potstill.errors import PotstillError
from potstill.evaluate.conditions import conditions_of
from potstill.export.handover import HandedOver, hand_over
from potstill.recipe_file import load
from potstill.records import Problem
from potstill.store import Run


def export_prompts(run: Path, trainer: str, out: Path) -> str:
    """Write the problems of a run with its verifiers to the folder `out`; return a line that counts and says how on.

    Held-out problems stand in a file of their own, to be measured on. Problems that nothing can judge are left out.
    The file of a user's own checker goes along.

    Raises:
        PotstillError: the run has no problems yet, a judge is asked about answers, `out` is a file or has files.
        RecipeError: there is no such trainer.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise PotstillError(f"--out {out}: name a folder that is new or empty")
    if not (run / "recipe.yaml").is_file():
        raise PotstillError(f"{run} is no run folder: it has no recipe.yaml")
    recipe, committed = load(str(run / "recipe.yaml")), Run(run).committed("problems")
    if committed is None:
        raise PotstillError(f"{run} has no finished stage problems: run it first")
    if recipe.checks.judge is not None:
        raise PotstillError("checks.judge: a judge's address and price are this run's own and are not handed over")
    train, test = (
        [problem for problem in committed.rows(side, Problem) if problem.has_check] for side in ("train", "evaluation")
    )
    if not train:
        raise PotstillError(f"{run}: no training problem has anything to judge an answer by")
    handed = HandedOver(
        problems={"train": train, "test": test}, conditions=conditions_of(recipe), version=__version__
    )  # fmt: skip
    how = hand_over(trainer, handed, out)
    with_checkers([*train, *test], Path(recipe.data), out)
    return f"{len(train):,} problems to train on and {len(test):,} held out, written to {out}\n{trainer}: {how}"


def with_checkers(problems: list[Problem], data: Path, out: Path) -> None:
    """Copy the files of a user's own checkers to where the written module looks for them."""
    beside = next(out.rglob("potstill.json")).parent
    for checker in {problem.checker for problem in problems if problem.checker}:
        module = checker.rpartition(":")[0]
        name = Path(module if module.endswith(".py") else f"{module.replace('.', '/')}.py")
        if (data / name).is_file():
            (beside / name).parent.mkdir(parents=True, exist_ok=True)
            write_durably(beside / name, (data / name).read_bytes())
