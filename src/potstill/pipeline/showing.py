"""The rows of an arm for looking at: those of a run, or of a recipe whose traces cost nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill import pipeline
from potstill.errors import PotstillError, nearest
from potstill.graph import ArmNode, Phase, graph_of
from potstill.pipeline import naming
from potstill.pipeline.naming import MODEL, ROWS
from potstill.pipeline.stage import Stage
from potstill.pipeline.stages import stages_of
from potstill.pipeline.stages.rows import WEIGHTS
from potstill.recipe import DatasetTeacher, Recipe, SolutionsTeacher, WorkedTeacher
from potstill.recipe_file import load, located
from potstill.store import Run
from potstill.temporary import temporary_folder
from potstill.train.methods import learns_from, learns_from_problems
from potstill.train.rows import Rows
from potstill.train.students import read_texts

FREE = (WorkedTeacher, SolutionsTeacher, DatasetTeacher)
"""Teachers whose traces are made at once, without asking anybody."""
EXAMPLES_NAMED = 8


@dataclass(frozen=True, kw_only=True)
class ShownRows:
    """The rows of one phase, with the tokenizer that reads them; `dropped` counts the traces that are no examples."""

    name: str
    rows: Rows
    tokenizer: Any
    dropped: Mapping[str, int]

    def about(self) -> Iterator[str]:
        """Yield lines: how many rows and tokens there are, and what was left out and why."""
        trained, tokens = int(self.rows.trained.sum()), int(self.rows.lengths.sum())
        yield f"{self.name}: {len(self.rows):,} rows, {tokens:,} tokens, {trained:,} of them trained"
        examples: dict[str, list[int]] = {}
        for example, reason in self.rows.dropped():
            named = examples.setdefault(reason, [])
            if len(named) < EXAMPLES_NAMED:
                named.append(example + 1)
        for reason, count in self.rows.counts.items():
            which = ", ".join(map(str, examples[reason])) + (", ..." if count > EXAMPLES_NAMED else "")
            yield f"  dropped: {count:,} {reason} (example{'s' * (count > 1)} {which})"
        for reason, count in self.dropped.items():
            yield f"  no example: {count:,} traces, {reason}"


@contextmanager
def shown_rows(what: str, sets: Sequence[str], arm: str | None) -> Iterator[list[ShownRows]]:
    """Yield the rows of each phase of an arm (None: the one that is delivered) of a run folder or a recipe.

    A recipe whose rows are in its run folder `runs/NAME` shows those. Otherwise they are made in a temporary folder.

    Raises:
        PotstillError: there is no such arm, it is not trained, or something has to be asked or trained first.
    """
    run = Path(what)
    if (run / "recipe.yaml").is_file():
        if sets:
            raise PotstillError("--set is for a recipe; a run's rows are made already")
        recipe = load(str(run / "recipe.yaml"))
        node = _arm(recipe, arm)
        found = _there(recipe, node, Run(run), whatever=True)
        if found is None:
            named = naming.rows(node.phases[-1])
            raise PotstillError(
                f"{run} has no {named} yet: potstill run {run / 'recipe.yaml'} --out {run} --stage {named}"
            )
        yield found
        return
    recipe = load(what, sets)
    with located(what, sets):
        node = _arm(recipe, arm)
        if (found := _there(recipe, node, Run(Path("runs") / recipe.name))) is not None:
            yield found
            return
        before = _before(recipe, node)
        _refuse_asking(what, before)
        with temporary_folder("rows") as folder:
            for stage in before:
                pipeline.run(recipe, Run(folder / "run"), only=stage.name)
            yield _there(recipe, node, Run(folder / "run")) or []


def _arm(recipe: Recipe, name: str | None) -> ArmNode:
    graph = graph_of(recipe)
    name = graph.deliver if name is None else name
    if name is None:
        raise PotstillError("no arm of this recipe is trained, so it has no rows")
    if name not in graph.arms:
        raise PotstillError(f"no arm {name!r}{nearest(name, list(graph.arms))}")
    if not graph.arms[name].phases:
        trained = [each.name for each in graph.arms.values() if each.phases]
        raise PotstillError(f"the arm {name!r} is not trained, so it has no rows; {', '.join(trained)} have some")
    if not _with_rows(graph.arms[name]):
        method = graph.arms[name].phases[-1].recipe.train.method
        raise PotstillError(f"the arm {name!r} learns from its own answers ({method}), so it has no rows")
    return graph.arms[name]


def _with_rows(arm: ArmNode) -> list[Phase]:
    """Return the phases of an arm that are trained on rows."""
    return [phase for phase in arm.phases if not learns_from_problems(phase.recipe.train.method)]


def _there(recipe: Recipe, arm: ArmNode, run: Run, *, whatever: bool = False) -> list[ShownRows] | None:
    """Return the rows of each phase, those that phases share once; None where some are missing.

    They are those that the recipe means now, or with `whatever` those that the run was trained on.
    """
    states = {status.stage.name: status.state for status in pipeline.statuses(run, stages_of(recipe))}
    graph = graph_of(recipe)
    found: dict[str, ShownRows] = {}
    for phase in _with_rows(arm):
        name = naming.rows(phase)
        of_pairs = learns_from(phase.recipe.train.method) == "pairs"
        made_of = naming.pairs(phase) if of_pairs else naming.examples(graph.sets[phase.on], graph)
        committed, examples = run.committed(name), run.committed(made_of)
        student = run.committed(naming.student(arm.student))
        done = whatever or states[name] is pipeline.StageState.DONE
        if not done or committed is None or examples is None or student is None:
            return None
        tokenizer = read_texts(student.folder(MODEL, without=WEIGHTS)).tokenizer
        found.setdefault(
            committed.fingerprint,
            ShownRows(
                name=name, rows=Rows(committed.path / ROWS), tokenizer=tokenizer,
                dropped=examples.counts["dropped"],
            ),
        )  # fmt: skip
    return list(found.values())


def _before(recipe: Recipe, arm: ArmNode) -> list[Stage]:
    """Return the stages that make the rows of an arm, in their order."""
    stages = {stage.name: stage for stage in stages_of(recipe)}
    wanted = {naming.rows(phase) for phase in _with_rows(arm)}
    for stage in reversed(stages.values()):
        if stage.name in wanted:
            wanted.update(stage.needs)
    return [stage for stage in stages.values() if stage.name in wanted]


def _refuse_asking(what: str, stages: Sequence[Stage]) -> None:
    """Raise PotstillError where a model has to be asked or trained before there are rows."""
    for stage in stages:
        asks = stage.kind == "traces" and not isinstance(stage.recipe.teacher, FREE)
        judged = stage.kind == "verdicts" and (stage.recipe.checks.judge or stage.recipe.checks.reward)
        if asks or judged or stage.kind == "train":
            who = f"a {stage.recipe.teacher.kind} teacher" if asks else "a model"
            raise PotstillError(
                f"the rows of {what} need the stage {stage.name} first, which asks {who}: potstill run {what}"
            )
