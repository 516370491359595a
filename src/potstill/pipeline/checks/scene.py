"""What all checks share: the recipe as the sections that are looked at, and the problems as far as they are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from pathlib import Path

from potstill.errors import DataError, RecipeError
from potstill.graph import Graph, Phase, SetNode, graph_of
from potstill.pipeline.held_apart import benchmark_problems
from potstill.pipeline.settings import problem_seed
from potstill.problems import leaks_of, read, source_seed
from potstill.problems.rows import find
from potstill.problems.splits import Use, split
from potstill.recipe import (
    Checks,
    Curate,
    Evaluate,
    Executor,
    Labels,
    Recipe,
    Source,
    Strategy,
    Student,
    Teacher,
    Train,
    Written,
)  # fmt: skip
from potstill.records import Drop, Problem
from potstill.train.methods import learns_from

ROWS = 2000
"""Problems read of one source: of more, only what the first ones show is known beforehand."""


@dataclass(frozen=True)
class Teaching:
    """Who answers the problems and what becomes of the answers."""

    teacher: Teacher
    strategy: Strategy
    checks: Checks
    curate: Curate


@dataclass(frozen=True)
class Arm:
    """A student, how it is trained and how it is measured."""

    student: Student
    train: Train
    evaluate: Evaluate


@dataclass(frozen=True)
class Pairing:
    """A phase that learns from pairs, and the set that they are made of."""

    phase: Phase
    of: SetNode


@dataclass(frozen=True)
class ProblemSample:
    """Problems that a run will have: all of them where `whole`, else the first of each source that can be read."""

    training: tuple[Problem, ...] = ()
    held_out: tuple[Problem, ...] = ()
    whole: bool = False

    @property
    def all(self) -> tuple[Problem, ...]:
        """Those of both sides."""
        return (*self.training, *self.held_out)


@dataclass(kw_only=True)
class Scene:
    """One recipe under examination. `unknown` collects what could not be looked at, each as a sentence."""

    recipe: Recipe
    online: bool = False
    without_sandbox: bool = False
    unknown: list[str] = field(default_factory=list)
    by_counts: bool = False
    """Whether a source whose file is not there counts as so many problems as its `count` says, for plans."""

    @cached_property
    def graph(self) -> Graph:
        """The sets and arms of the recipe."""
        return graph_of(self.recipe)

    @cached_property
    def data(self) -> Path:
        """The folder of relative files; RecipeError where there is none."""
        folder = Path(self.recipe.data)
        if not folder.is_dir():
            raise RecipeError(f"data: there is no folder {folder}")
        return folder

    def sources(self) -> Iterator[tuple[str, Source]]:
        """Yield each source with its key."""
        for index, source in enumerate(self.recipe.problems.sources):
            yield f"problems.sources.{index}", source

    def other_sources(self) -> Iterator[tuple[str, Source]]:
        """Yield each source of other problems that students are measured on, with its key."""
        for number, also in enumerate(self.recipe.evaluate.also):
            for index, source in enumerate(also.sources):
                yield f"evaluate.also.{number}.sources.{index}", source

    def writings(self) -> Iterator[tuple[str, Written]]:
        """Yield how problems are written, with its key, where any are."""
        if self.recipe.problems.written is not None:
            yield "problems.written", self.recipe.problems.written

    def labellings(self) -> Iterator[tuple[str, Labels]]:
        """Yield the labels that each scorer is trained on, and those it is measured on where they are others."""
        for name, node in self.graph.scorers.items():
            yield f"scorers.{name}.labels", node.labels["train"]
            if node.scorer.test is not None:
                yield f"scorers.{name}.test", node.labels["test"]

    def teachers(self) -> Iterator[tuple[str, Teacher]]:
        """Yield the teacher of each set with its key."""
        for where, teaching in self.teachings():
            yield where, teaching.teacher

    def trainings(self) -> Iterator[tuple[str, Train]]:
        """Yield how each arm and each scorer is trained, with the key where the recipe says it."""
        for _, arm in self.arms():
            yield "train", arm.train
        for name, node in self.graph.scorers.items():
            yield f"scorers.{name}.train", node.recipe.train

    def trackers(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each tracker with its key."""
        for name in self.recipe.report_to:
            yield "report_to", name

    def executors(self) -> Iterator[tuple[str, Executor]]:
        """Yield who helps with what has many parts, with the key, where that is a cluster."""
        if self.recipe.executor.kind == "ray":
            yield "executor.kind ray", self.recipe.executor

    def exports(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the types of the forms that have types, with their key, where there are any."""
        for exporter, types in self.recipe.export.typed.items():
            yield f"export.{exporter}", types

    def teachings(self) -> Iterator[tuple[str, Teaching]]:
        """Yield the teacher of each set with what becomes of its answers, and the key of the teacher."""
        for name, node in self.graph.sets.items():
            its = node.recipe
            where = f"sets.{name}.teacher" if its.teacher != self.recipe.teacher else "teacher"
            yield where, Teaching(its.teacher, its.strategy, its.checks, its.curate)

    def arms(self) -> Iterator[tuple[str, Arm]]:
        """Yield the student of each arm with each phase of its training, and the key of the student."""
        seen: list[Arm] = []
        for name, node in self.graph.arms.items():
            where = f"arms.{name}.student" if node.student else "student"
            for its in [phase.recipe for phase in node.phases] or [node.recipe]:
                arm = Arm(its.student, its.train, its.evaluate)
                if arm not in seen:
                    seen.append(arm)
                    yield where, arm

    def pairings(self) -> Iterator[tuple[str, Pairing]]:
        """Yield each phase that learns from pairs, with the set that they are made of, and the key of its training."""
        for arm in self.graph.arms.values():
            for phase in arm.phases:
                if learns_from(phase.recipe.train.method) == "pairs":
                    yield f"arms.{arm.name}.train", Pairing(phase, self.graph.sets[phase.on])

    @cached_property
    def sample(self) -> ProblemSample:
        """The problems, divided as a run divides them where all of them are read.

        A user's loader is not run and a data set on the hub not asked for. Raises what reading and dividing raise.
        """
        rows: list[tuple[Problem, Use]] = []
        whole = True
        for index, (where, source) in enumerate(self.sources()):
            if source.loader is not None or (source.dataset is not None and not (self.data / source.dataset).is_dir()):
                what = "loader is not run" if source.loader else "data set is not asked for"
                self.unknown.append(f"{where}: the {what} beforehand")
                whole = False
                continue
            if self.by_counts and source.count is not None and source.file is not None:
                try:
                    find(source.file, self.data, f"{where}.file")
                except DataError as error:
                    self.unknown.append(f"{error}; planned by its count")
                    whole = False
                    continue
            seed = source_seed(problem_seed(self.recipe), index)
            found = list(islice(read(source, seed=seed, data=self.data, where=where), ROWS + 1))
            if len(found) > ROWS:
                self.unknown.append(f"{where}: only the first {ROWS:,} problems were looked at")
                whole = False
            rows += [(problem, source.use) for problem in found[:ROWS]]
        if not whole:
            training, held_out = (tuple(p for p, use in rows if (use == "evaluate") is held) for held in (False, True))
            return ProblemSample(training, held_out)
        asked = self.recipe.problems
        divided = split(
            lambda: rows, seed=problem_seed(self.recipe), evaluate=asked.evaluate, train=asked.train,
            leaks=leaks_of(asked, self.data, partial(benchmark_problems, self.recipe)),
        )  # fmt: skip
        placed = [row for row in divided.rows() if not isinstance(row, Drop)]
        training, held_out = (tuple(p for p, side in placed if side == name) for name in ("train", "evaluate"))
        return ProblemSample(training, held_out, whole=True)
