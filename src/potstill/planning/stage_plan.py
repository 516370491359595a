"""What is planned of a stage, and everything that its figures are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from potstill.graph import ArmNode, Graph, Phase, SetNode
from potstill.pipeline import naming
from potstill.planning.figures import Figure, assumed, product
from potstill.planning.machines import Target
from potstill.planning.memory import Memory
from potstill.planning.sets import Gathered
from potstill.planning.shapes import Architecture, of_student
from potstill.planning.timing import Timing, key_of
from potstill.planning.trainings import Trainings
from potstill.recipe import Also, Benchmark, Recipe
from potstill.scorer_nodes import Part, ScorerNode

ROW_SECONDS = {
    "problems": (5e-5, 3e-4, 3e-3), "traces": (1e-4, 4e-4, 4e-3), "verdicts": (8e-4, 2e-3, 1.5e-2),
    "examples": (1e-4, 4e-4, 4e-3), "rows": (1e-4, 5e-4, 4e-3),
}  # fmt: skip
"""Seconds a row of the stages that need no model: the pocket recipe's on an idle machine and on a busy one."""
START = assumed(1.0, 4.0, 40.0, "loading torch and a model")


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """What one stage will take; `done` says that it is committed: its seconds are what it took.

    `tokens` are those trained, sampled or captured, `what` says which. None is unknown where the stage has such a
    figure at all; what it has is in `needs`.
    """

    name: str
    kind: str
    done: bool = False
    what: str = ""
    tokens: Figure | None = None
    seconds: Figure | None = None
    disk: Figure | None = None
    dollars: Figure | None = None
    memory: Memory | None = None
    peak: Figure | None = None
    processes: int = 1
    needs: tuple[str, ...] = ("seconds",)


@dataclass(kw_only=True)
class Planning:
    """Everything that the figures of a stage are made from."""

    recipe: Recipe
    graph: Graph
    material: Gathered
    machine: Target
    timings: Mapping[str, Timing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.trainings = Trainings(self.material)
        self.sets: dict[str, SetNode] = {}
        self.phases: dict[str, Phase] = {}
        self.arms: dict[str, tuple[ArmNode, int]] = {}
        self.benchmarks: dict[str, tuple[ArmNode, Benchmark]] = {}
        self.labels: dict[str, tuple[ScorerNode, Part]] = {}
        self.scorers: dict[str, ScorerNode] = {}
        self.bests: dict[str, tuple[ArmNode, ScorerNode]] = {}
        self.also: dict[str, tuple[ArmNode, Also]] = {}
        for node in self.graph.sets.values():
            for name in (
                naming.traces(node, self.graph),
                naming.verdicts(node, self.graph),
                naming.examples(node, self.graph),
                naming.listened(node, self.graph),
            ):
                self.sets.setdefault(name, node)
        for arm in self.graph.arms.values():
            untouched = not arm.trained and arm.recipe.evaluate.shots > 0
            self.arms[naming.measures(arm)] = arm, 2 if untouched else 1
            for also in arm.recipe.evaluate.also:
                self.also[naming.also(arm, also)] = arm, also
            for asked in arm.recipe.evaluate.benchmarks:
                self.benchmarks[naming.benchmark(arm, asked)] = arm, asked
            if arm.recipe.evaluate.by is not None:
                self.bests[naming.best(arm)] = arm, self.graph.scorers[arm.recipe.evaluate.by]
            for phase in arm.phases:
                for made in (naming.pairs, naming.rows, naming.reference, naming.training, naming.logits):
                    self.phases[made(phase)] = phase
                self.arms.setdefault(naming.measures_of_phase(phase), (arm, 1))
        for scorer in self.graph.scorers.values():
            for part in scorer.labels:
                self.labels[naming.labels(scorer.name, part)] = scorer, part
            for named in (naming.scorer, naming.assessed):
                self.scorers[named(scorer.name)] = scorer

    def timing(self, recipe: Recipe) -> Timing | None:
        """Return what a probe measured of a student; nothing of an accelerator that is not here."""
        return self.timings.get(key_of(recipe)) if self.machine.kind == "cpu" else None

    def shape(self, recipe: Recipe) -> Architecture | None:
        """Return the architecture of a student; who has none is named as unknown once."""
        found = of_student(recipe.student, Path(recipe.data))
        if found is None:
            self.say(
                f"{recipe.student.model}: its dimensions, for there is no config.json of it here and none in the table"
            )
        return found

    def say(self, what: str) -> None:
        """Note what is not known, once."""
        if what not in self.material.unknown:
            self.material.unknown.append(what)


def of_rows(kind: str, rows: Figure | None) -> Figure | None:
    """Return the seconds of a stage of a kind that goes through so many rows without a model."""
    return product(f"rows x seconds a row, {kind}", rows, assumed(*ROW_SECONDS[kind], "a row"))
