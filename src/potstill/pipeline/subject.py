"""Who is measured: what a name on the command line stands for, and how the run that it is from asked and judged it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from potstill.errors import PotstillError
from potstill.evaluate.conditions import FILE, Conditions, conditions_of, read_conditions
from potstill.graph import Graph, graph_of
from potstill.pipeline import naming
from potstill.pipeline.naming import MODEL
from potstill.recipe import Recipe
from potstill.recipe_file import load
from potstill.store import Run


@dataclass(frozen=True)
class Subject:
    """A checkpoint by its folder or name. `recipe` is that of its arm, where the run that made it is at hand.

    `told_by` says where the conditions are from; without any, the checkpoint is one of nobody's run.
    """

    checkpoint: str
    conditions: Conditions | None = None
    recipe: Recipe | None = None
    told_by: str = ""


def subject_of(name: str) -> Subject:
    """Return what a name stands for: a run (its export), one of its stages, an exported folder, or any checkpoint.

    Raises:
        PotstillError: it is a run in which nothing is trained yet.
    """
    path = Path(name).expanduser()
    if (path / "recipe.yaml").is_file():
        return _of_run(path)
    folder = path / MODEL if (path / MODEL / "config.json").is_file() else path
    found = _of_stage(folder)
    if found is not None:
        return found
    own = read_conditions(folder)
    return Subject(str(folder) if own or folder != path else name, own, None, f"{folder / FILE} says" if own else "")


def _of_run(run: Path) -> Subject:
    """Return the delivered arm of a run: its export, or the checkpoint that would be exported."""
    graph = graph_of_run(run)
    if graph.deliver is None:
        raise PotstillError(f"{run} delivers no student: name a stage of it, such as {run / naming.student('')}")
    stage = naming.export("safetensors")
    if not (run / stage / MODEL).is_dir():
        stage = naming.model(graph.arms[graph.deliver], graph)
    if not (run / stage / MODEL).is_dir():
        raise PotstillError(f"the student {graph.deliver!r} is not trained yet: potstill run {run / 'recipe.yaml'}")
    return of_arm(run, graph, graph.deliver, run / stage / MODEL)


def _of_stage(folder: Path) -> Subject | None:
    """Return the arm whose checkpoint a folder is, by its name in the run or as it lies in `stages`."""
    stage = folder.parent if folder.name == MODEL else folder
    run, name = stage.parent, stage.name
    if run.name == "stages":
        run = run.parent
        name = next((known for known, output in Run(run).names().items() if output == name), "")
    if not (run / "recipe.yaml").is_file():
        return None
    graph = graph_of_run(run)
    arm = _arm_of(graph, name)
    return None if arm is None else of_arm(run, graph, arm, folder)


def _arm_of(graph: Graph, stage: str) -> str | None:
    """Return the arm that a stage's checkpoint belongs to: it made the arm's model, a phase of it, or its base."""
    if stage == naming.export("safetensors"):
        return graph.deliver
    arms = graph.arms.values()
    made = [arm.name for arm in arms if naming.model(arm, graph) == stage]
    phases = [arm.name for arm in arms if stage in naming.trainings(arm, graph)]
    based = [arm.name for arm in arms if naming.student(arm.student) == stage]
    return next(iter([*made, *phases, *based]), None)


def of_arm(run: Path, graph: Graph, arm: str, folder: Path) -> Subject:
    """Return an arm of a run by the folder of its checkpoint."""
    recipe = graph.arms[arm].recipe
    return Subject(str(folder), conditions_of(recipe), recipe, f"the arm {arm!r} of {run} is")


def graph_of_run(run: Path) -> Graph:
    """Return the graph of a run folder's recipe."""
    return graph_of(load(str(run / "recipe.yaml")))
