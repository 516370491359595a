"""A run folder opened for reading: its tables, its arms, its figures, its students."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from potstill.api.tables import RecordTable
from potstill.errors import PotstillError, nearest
from potstill.graph import Graph, graph_of
from potstill.intervals import Interval
from potstill.pipeline import naming
from potstill.pipeline.naming import MODEL
from potstill.pipeline.stages import STAGES
from potstill.recipe import Recipe
from potstill.recipe_file import load
from potstill.records import Example, Group, Trace, Verdict
from potstill.report.display import label, percent
from potstill.store import STUDY, Committed, Run

if TYPE_CHECKING:
    from potstill.pipeline import StageStatus
    from potstill.pipeline.asking import LoadedArm, StudentAnswer


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What an arm scored on the held-out problems, as the report has it.

    `accuracy` is pass@1 with its 95% interval; its value is NaN where nothing was scored. `values` holds all that
    `report.json` says of the arm.
    """

    arm: str
    prompt: str
    accuracy: Interval
    problems: int
    responses: int
    unscored: int
    values: Mapping[str, str | int | float | None] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class OpenArm:
    """An arm of an opened run: `checkpoint` is its model's folder, None until it is there.

    `losses` has an entry for each optimiser step of its own phases: step, tokens, learning_rate, loss and more.
    """

    name: str
    trained: bool
    checkpoint: Path | None
    losses: tuple[Mapping[str, float], ...] = field(repr=False)


class RunFolder:
    """A run folder, under way or done. Everything is read from the disk when it is asked for, and checked.

    Raises, here and from every method:
        PotstillError: one line: no run, no such table or arm, a stage that is not done, a file that was changed.
    """

    def __init__(self, path: Path) -> None:
        if (path / STUDY).is_file():
            raise PotstillError(f"{path} is the folder of a study: open one of its runs, in {path / 'runs'}")
        if not (path / "recipe.yaml").is_file():
            raise PotstillError(f"{path} is no run folder: it has no recipe.yaml")
        self.path = path
        self._run = Run(path)
        self._loaded: LoadedArm | None = None

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe of the newest run in the folder."""
        return load(str(self.path / "recipe.yaml"))

    @property
    def stages(self) -> tuple[StageStatus, ...]:
        """Where each stage stands, as `potstill status` says it."""
        from potstill import pipeline
        from potstill.pipeline.stages import stages_of

        return tuple(pipeline.statuses(self._run, stages_of(self.recipe)))

    @property
    def report(self) -> Path:
        """The page."""
        self._output(naming.REPORT)
        return self.path / "report.html"

    @property
    def measures(self) -> dict[str, Figures]:
        """What each arm scored, by name, in the order of the report's table."""
        found = json.loads(self._output(naming.REPORT).read("report.json"))["measures"]
        return {row["student"]: _figures(row) for row in found}

    @property
    def arms(self) -> dict[str, OpenArm]:
        """The arms of the recipe by name, trained or not yet."""
        graph = graph_of(self.recipe)
        return {name: self._arm(name, graph) for name in graph.arms}

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that are there: `STAGE/TABLE`; `table` says what is short for them."""
        return tuple(f"{stage}/{table}" for stage, output in self._outputs().items() for table in output.tables)

    @overload
    def table(self, name: Literal["traces"]) -> RecordTable[Trace]: ...
    @overload
    def table(self, name: Literal["verdicts"]) -> RecordTable[Verdict]: ...
    @overload
    def table(self, name: Literal["groups"]) -> RecordTable[Group]: ...
    @overload
    def table(self, name: Literal["examples"]) -> RecordTable[Example]: ...
    @overload
    def table(self, name: str) -> RecordTable[Any]: ...
    def table(self, name: str) -> RecordTable[Any]:
        """Return a table by its name, `STAGE/TABLE`.

        A stage alone means its table of the same kind (`traces-second`), or its only one (`evaluate-traces`); a table
        alone means the one of that name where there are not several (`groups`).
        """
        outputs = self._outputs()
        all_names = [(stage, table) for stage, output in outputs.items() for table in output.tables]
        found = [one for one in all_names if "/".join(one) == name]
        if not found and name in outputs:
            tables, kind = list(outputs[name].tables), outputs[name].manifest["kind"]
            found = [(name, table) for table in tables if table == kind or len(tables) == 1]
        if not found:
            found = [one for one in all_names if one[1] == name]
        if len(found) == 1:
            stage, table = found[0]
            return RecordTable(outputs[stage], table)
        raise PotstillError(self._no_table(name, outputs, all_names))

    def _no_table(self, name: str, outputs: Mapping[str, Committed], all_names: list[tuple[str, str]]) -> str:
        several = [f"{stage}/{table}" for stage, table in all_names if name in (stage, table)]
        if several:
            return f"{self.path}: {name!r} means several tables: {', '.join(several)}"
        stage = name.partition("/")[0]
        if stage not in outputs and stage in {status.stage.name for status in self.stages}:
            return self._not_done(stage)
        known = [*outputs, *("/".join(one) for one in all_names), *(table for _, table in all_names)]
        return f"{self.path}: there is no table {name!r}{nearest(name, known)}"

    def ask(self, question: str, *, arm: str | None = None, max_tokens: int | None = None) -> StudentAnswer:
        """Put a question to an arm's student (None: the one that is delivered); its model stays in memory.

        Raises:
            PotstillError: there is no such arm, it is not trained yet, or the question is empty or too long.
        """
        from potstill.pipeline.asking import load_arm, refuse_empty

        refuse_empty(question)
        graph = graph_of(self.recipe)
        name = arm or graph.deliver or next(iter(graph.arms))
        if self._loaded is None or self._loaded.name != name:
            self._loaded = load_arm(self.path, name)
        return self._loaded.answer(question, max_tokens)

    def _outputs(self) -> dict[str, Committed]:
        found = {name: output for name in self._run.names() if (output := self._run.committed(name)) is not None}
        order = [*STAGES, naming.REPORT]
        return dict(sorted(found.items(), key=lambda one: (order.index(one[1].manifest["kind"]), one[0])))

    def _output(self, name: str) -> Committed:
        output = self._run.committed(name)
        if output is None:
            raise PotstillError(self._not_done(name))
        return output

    def _not_done(self, stage: str) -> str:
        return f"{self.path}: {stage} is not done yet: potstill run {self.path / 'recipe.yaml'} --out {self.path}"

    def _arm(self, name: str, graph: Graph) -> OpenArm:
        node = graph.arms[name]
        model = self._run.committed(naming.model(node, graph))
        phases = [self._run.committed(naming.training(phase)) for phase in node.phases]
        losses = [log for phase in phases if phase is not None for log in json.loads(phase.read("losses.json"))]
        return OpenArm(
            name=name, trained=node.trained, checkpoint=None if model is None else model.path / MODEL,
            losses=tuple(losses),
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<run {self.path}>"

    def _repr_html_(self) -> str:
        """Return a small table: what each arm scored, or where the stages stand while the report is not done."""
        if self._run.committed(naming.REPORT) is not None:
            rows = [(arm, f.prompt, percent(f.accuracy.value), f"{percent(f.accuracy.low)} to "
                     f"{percent(f.accuracy.high)}", f"{f.problems:,}") for arm, f in self.measures.items()]  # fmt: skip
            return html_table(("arm", "asked", "accuracy", "95% interval", "problems"), rows, str(self.path))
        states = [(status.stage.name, status.state, status.why) for status in self.stages]
        return html_table(("stage", "state", "why"), states, str(self.path))


def _figures(row: Mapping[str, Any]) -> Figures:
    accuracy = math.nan if row["accuracy"] is None else row["accuracy"]
    return Figures(
        arm=row["student"], prompt=row["prompt"], accuracy=Interval(accuracy, row["low"], row["high"]),
        problems=row["problems"], responses=row["responses"], unscored=row["unscored"], values=row,
    )  # fmt: skip


def html_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], caption: str) -> str:
    """Return a table whose every text is escaped, and cut where it is long."""

    def cells(tag: str, values: tuple[str, ...]) -> str:
        return "".join(f"<{tag}>{html.escape(label(value))}</{tag}>" for value in values)

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (
        f"<table><caption>{html.escape(label(caption))}</caption><thead><tr>{cells('th', head)}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )
