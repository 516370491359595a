"""A plan made whole: every stage of a recipe, what is committed in its run folder taken as known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from potstill.errors import RecipeError
from potstill.graph import graph_of
from potstill.pipeline import outputs
from potstill.pipeline.stages import stages_of
from potstill.planning.figures import Figure, total
from potstill.planning.machines import Target, gpu, here
from potstill.planning.sets import Gathered, PilotFound
from potstill.planning.stage_plan import Planning, StagePlan
from potstill.planning.stages import planned
from potstill.planning.text import told
from potstill.planning.timing import Timing
from potstill.recipe import Recipe
from potstill.store import Run

QUANTITIES = ("seconds", "dollars", "disk")
"""What is added up over stages; memory is not."""

WITH_MODEL = frozenset(
    {"traces", "labels", "scorer", "assess", "best", "reference", "logits", "train", "evaluate", "also", "benchmark"}
)
"""Kinds of stages that keep an accelerator at work."""


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """What a run takes, stage by stage in the order of the run; `unknown` says what nobody can know yet, and why."""

    name: str
    machine: Target
    stages: tuple[StagePlan, ...]
    unknown: tuple[str, ...] = ()

    def all(self, quantity: str) -> tuple[Figure | None, tuple[str, ...]]:
        """Return the sum over what is still to do, and the stages whose share of it nobody knows.

        `quantity` is one of `QUANTITIES`. None where no stage is left that takes any.
        """
        left = [stage for stage in self.stages if not stage.done]
        found = [getattr(stage, quantity) for stage in left if getattr(stage, quantity) is not None]
        missing = tuple(stage.name for stage in left if quantity in stage.needs and getattr(stage, quantity) is None)
        return total("all stages that are left", found), missing

    @property
    def accelerator_hours(self) -> Figure | None:
        """Hours of one accelerator that all stages with a model take together, those that nobody knows left out."""
        if self.machine.kind != "gpu":
            return None
        left = [s for s in self.stages if not s.done and s.kind in WITH_MODEL and s.seconds is not None]
        own = [s.seconds.times(s.processes / 3600) for s in left if s.seconds is not None and not s.dollars]
        return total("all stages that run a model here", own)

    @property
    def largest(self) -> StagePlan | None:
        """The stage that takes the most memory of those still to do."""
        held = [stage for stage in self.stages if stage.peak is not None and not stage.done]
        return max(held, key=lambda stage: stage.peak.value if stage.peak is not None else 0, default=None)

    def __str__(self) -> str:
        return told(self)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What pilots and probes have found before, by the traces of a set and by student."""

    pilots: Mapping[str, PilotFound] = field(default_factory=dict)
    timings: Mapping[str, Timing] = field(default_factory=dict)


NOTHING = Measured()


def plan_of(
    recipe: Recipe, folder: Run | None = None, *, accelerator: str | None = None, measured: Measured = NOTHING
) -> RunPlan:
    """Return the plan of a recipe: what is committed in `folder` is known, the rest by `measured` and by formula.

    Neither torch nor the network is used. `accelerator` names one of the table in place of this machine.

    Raises:
        PotstillError: the recipe's problems cannot be read as declared, or there is no such accelerator.
    """
    machine = here() if accelerator is None else gpu(accelerator)
    graph, stages = graph_of(recipe), stages_of(recipe)
    if not Path(recipe.data).is_dir():
        raise RecipeError(f"data: there is no folder {recipe.data}")
    done = {} if folder is None or not folder.path.is_dir() else outputs(folder, stages)
    material = Gathered(recipe=recipe, graph=graph, done=done, pilots=measured.pilots)
    planning = Planning(recipe=recipe, graph=graph, material=material, machine=machine, timings=measured.timings)
    made = tuple(planned(planning, stage) for stage in stages)
    unknown = dict.fromkeys([*material.unknown, *_not_read(material)])
    return RunPlan(name=recipe.name, machine=machine, stages=made, unknown=tuple(unknown))


def _not_read(material: Gathered) -> Iterator[str]:
    """Yield what of the problems was not looked at."""
    yield from vars(material)["scene"].unknown if "scene" in vars(material) else ()
