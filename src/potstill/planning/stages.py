"""What each stage of a run will take: time, memory, disk, tokens and dollars; one function a kind of stage."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from potstill.models.flops import read_flops
from potstill.pipeline.benchmarking import protocol_of
from potstill.pipeline.stage import Stage
from potstill.planning.asking import SIDE_BY_SIDE, asked_of_arm, evaluate, sampled_seconds, traces, writing
from potstill.planning.figures import BASES, Figure, assumed, formula, known, product, quotient, total
from potstill.planning.memory import of_training
from potstill.planning.scoring import assess, best, labels, scorer, verdicts
from potstill.planning.shapes import Architecture, of_model
from potstill.planning.stage_plan import START, Planning, StagePlan, of_rows
from potstill.planning.texts import mean_of
from potstill.planning.timing import Timing
from potstill.planning.trainings import PhaseFigures
from potstill.recipe import Recipe

if TYPE_CHECKING:
    from potstill.store import Committed

OTHER = assumed(0.2, 1.5, 12.0, "assembling and writing")


def planned(planning: Planning, stage: Stage) -> StagePlan:
    """Return what a stage will take, or what it took."""
    made = PLANNERS.get(stage.kind, _unplanned)(planning, stage)
    committed = planning.material.done.get(stage.name)
    return made if committed is None else _done(made, committed)


def _done(made: StagePlan, committed: Committed) -> StagePlan:
    seconds = float(committed.clock.get("seconds", 0.0))
    size = sum(int(file["bytes"]) for file in committed.files.values())
    counts = committed.counts
    tokens = counts["tokens"] if made.kind == "train" else (counts.get("sampling") or {}).get("completion_tokens")
    return replace(
        made, done=True, seconds=known(seconds, "took so long"), disk=known(size, "its files"), needs=("seconds",),
        tokens=made.tokens if tokens is None else known(tokens, "its counts"),
    )  # fmt: skip


def _unplanned(planning: Planning, stage: Stage) -> StagePlan:
    planning.say(f"{stage.name}: nothing here plans a stage of kind {stage.kind}")
    return StagePlan(name=stage.name, kind=stage.kind)


def problems(planning: Planning, stage: Stage) -> StagePlan:
    """Reading and dividing."""
    count = total("", [planning.material.training, planning.material.held_out])
    made = StagePlan(name=stage.name, kind=stage.kind, seconds=of_rows("problems", count))
    return made if planning.recipe.problems.written is None else writing(planning, made)


def examples(planning: Planning, stage: Stage) -> StagePlan:
    """Choosing traces."""
    traces_ = planning.material.of(planning.sets[stage.name]).traces
    return StagePlan(name=stage.name, kind=stage.kind, seconds=of_rows("examples", traces_))


def listen(planning: Planning, stage: Stage) -> StagePlan:
    """A student reading each trace about twice: its own answer and the gold behind its reasoning."""
    node = planning.sets[stage.name]
    found = planning.material.of(node)
    arm = planning.graph.arms[str(node.recipe.checks.listener)]
    told = found.lengths
    sizes = None if told is None else told.rows(arm.recipe.student, answers_only=False)
    length = None if told is None or not sizes else told.mean(sizes, 0.2, "a row")
    tokens = product("2 x traces x tokens", found.traces, length, known(2, ""))
    made = StagePlan(name=stage.name, kind=stage.kind, what="read", tokens=tokens, needs=("tokens", "seconds"))
    shape = planning.shape(arm.recipe)
    if shape is None:
        return made
    flops = product("", tokens, formula(read_flops(shape.shape, 1, 1), "", 0.2))
    return replace(made, seconds=quotient("", flops, planning.machine.flops(arm.recipe.train.precision)))


def student(planning: Planning, stage: Stage) -> StagePlan:
    """Writing an untouched student in fp32."""
    shape = planning.shape(stage.recipe)
    disk = None if shape is None else _checkpoint(shape)
    return StagePlan(name=stage.name, kind=stage.kind, seconds=START, disk=disk, needs=("seconds", "disk"))


def _checkpoint(shape: Architecture) -> Figure:
    return formula(4 * shape.parameters, f"4 bytes of {shape.parameters:,} weights", 0.03)


def rows(planning: Planning, stage: Stage) -> StagePlan:
    """Rendering examples as tokens: 5 bytes each."""
    phase = planning.phases[stage.name]
    count = planning.material.of(planning.graph.sets[phase.on]).examples
    tokens = product("", count, formula(mean_of(planning.trainings.of(phase).sizes), "", 0.2))
    disk = product("5 bytes a token", tokens, known(5, ""))
    return StagePlan(
        name=stage.name, kind=stage.kind, seconds=of_rows("rows", count), disk=disk, needs=("seconds", "disk")
    )


def pairs(planning: Planning, stage: Stage) -> StagePlan:
    """Going through the judged traces twice."""
    traces_ = planning.material.of(planning.graph.sets[planning.phases[stage.name].on]).traces
    return StagePlan(name=stage.name, kind=stage.kind, seconds=of_rows("examples", traces_))


def reference(planning: Planning, stage: Stage) -> StagePlan:
    """A student reading each row once."""
    phase = planning.phases[stage.name]
    found, shape = planning.trainings.of(phase), planning.shape(phase.recipe)
    count = planning.material.of(planning.graph.sets[phase.on]).examples
    tokens = product("rows x tokens", count, formula(mean_of(found.sizes), "", 0.5))
    made = StagePlan(name=stage.name, kind=stage.kind, what="read", tokens=tokens, needs=("tokens", "seconds"))
    if shape is None:
        return made
    flops = product("", tokens, formula(read_flops(shape.shape, 1, 1), "", 0.2))
    return replace(made, seconds=quotient("", flops, planning.machine.flops(phase.recipe.train.precision)))


def logits(planning: Planning, stage: Stage) -> StagePlan:
    """A teacher reading each row once; 8 bytes for each of its top tokens and 4 for the others."""
    phase = planning.phases[stage.name]
    kl = phase.recipe.train.loss.kl
    assert kl is not None and kl.top_k is not None  # noqa: S101, PT018 - there is no such stage else
    found = planning.trainings.of(phase)
    count = planning.material.of(planning.graph.sets[phase.on]).examples
    tokens = product("rows x tokens", count, formula(mean_of(found.sizes), "", 0.2))
    arm = planning.graph.arms[kl.arm] if kl.arm is not None else None
    shape = planning.shape(arm.recipe) if arm is not None else of_model(str(kl.model), Path(phase.recipe.data))
    disk = product("8 bytes a top token", tokens, known(8 * kl.top_k + 4, ""))
    made = StagePlan(
        name=stage.name, kind=stage.kind, what="captured", tokens=tokens, disk=disk, needs=("tokens", "seconds", "disk")
    )
    if shape is None:
        planning.say(f"{stage.name}: the dimensions of its teacher")
        return made
    flops = product("", tokens, formula(read_flops(shape.shape, 1, 1), "", 0.2))
    return replace(made, seconds=quotient("", flops, planning.machine.flops(kl.precision)))


def train(planning: Planning, stage: Stage) -> StagePlan:
    """One phase of training."""
    phase = planning.phases[stage.name]
    recipe, found = phase.recipe, planning.trainings.of(phase)
    shape = planning.shape(recipe)
    made = StagePlan(
        name=stage.name,
        kind=stage.kind,
        what="trained",
        tokens=found.tokens,
        processes=recipe.train.processes,
        needs=("tokens", "seconds", "disk", "peak"),
    )
    if shape is None:
        return made
    held = of_training(shape, recipe.train, recipe.student.lora, found.longest, planning.machine)
    saved = shape.parameters if recipe.student.lora is None else shape.adapters(recipe.student.lora.rank)
    disk = formula(4 * shape.parameters + 12 * saved, "the model, and a checkpoint to resume from meanwhile", 0.05)
    timing = planning.timing(recipe)
    if timing is None:
        return replace(
            made, disk=disk, memory=held, peak=held.peak, seconds=_trained(planning, found, recipe, twice=held.twice)
        )
    peak = timing.peak(*found.largest(recipe.train.batch, recipe.train.micro_batch))
    if planning.machine.memory is not None:
        most = timing.most_rows(held.tokens, planning.machine.memory.value)
        held = replace(held, fits=min(recipe.train.batch, most))
    return replace(made, disk=disk, memory=held, peak=peak, seconds=_timed(timing, found, recipe))


def _trained(planning: Planning, found: PhaseFigures, recipe: Recipe, *, twice: bool) -> Figure | None:
    """Return seconds by arithmetic: padding and layers computed twice are on top of what the method asks for."""
    speed = planning.machine.flops(recipe.train.precision).times(recipe.train.processes)
    more = known(4 / 3 if twice else 1.0, "")
    seconds = quotient("", product("", found.flops, more), speed)
    return total(f"arithmetic at {speed.how}", [seconds, START])


def _timed(timing: Timing, found: PhaseFigures, recipe: Recipe) -> Figure | None:
    """Return seconds by the steps that were probed, walked through one by one where the order is there."""
    if found.rows is None:
        return None
    batch = recipe.train.batch
    drawn = found.steps(batch, recipe.train.micro_batch)
    steps = -(-found.rows.value // batch)
    seconds = timing.training(itertools.chain.from_iterable(drawn), round(steps), steps / max(1, len(drawn)))
    if found.plan is not None and len(drawn) == steps:
        return seconds
    wide = found.rows.low / found.rows.value, found.rows.high / found.rows.value
    return Figure(
        value=seconds.value, low=seconds.low * wide[0], high=seconds.high * wide[1],
        basis=max(seconds.basis, found.rows.basis, key=BASES.index),
        how=seconds.how,
    )  # fmt: skip


def benchmark(planning: Planning, stage: Stage) -> StagePlan:
    """Asking an arm by a published protocol: responses as many and at most as long as it says."""
    arm, asked = planning.benchmarks[stage.name]
    protocol = protocol_of(asked, "evaluate.benchmarks")
    problems = asked.count or protocol.problems
    made = StagePlan(name=stage.name, kind=stage.kind, what="written", needs=("tokens", "seconds"))
    if problems is None:
        planning.say(f"{stage.name}: how many problems its file has")
        return made
    written = assumed(0.01, 0.2, 1.0, "a share of the longest response that the protocol allows")
    made = replace(made, tokens=written.times(problems * protocol.samples * protocol.max_tokens))
    shape, responses = planning.shape(arm.recipe), known(problems * protocol.samples, "problems x samples")
    if shape is None:
        return made
    most = arm.recipe.evaluate.batch or SIDE_BY_SIDE[planning.machine.kind]
    seconds = sampled_seconds(
        shape, planning.machine, arm.recipe.train.precision, responses, most, planning.material.question,
        written.times(protocol.max_tokens),
    )  # fmt: skip
    return replace(made, seconds=total("weights read and arithmetic of each token", [seconds, START]))


def also_problems(planning: Planning, stage: Stage) -> StagePlan:
    """Reading other problems than those that are taught."""
    del planning
    return StagePlan(name=stage.name, kind=stage.kind, seconds=assumed(0.05, 0.5, 10.0, "reading a file of problems"))


def also(planning: Planning, stage: Stage) -> StagePlan:
    """Measuring an arm on other problems, at most as many as are asked for."""
    arm, asked = planning.also[stage.name]
    return asked_of_arm(planning, stage, arm, 1, formula(asked.count, "problems at most", 0.3))


def faithful(planning: Planning, stage: Stage) -> StagePlan:
    """Asking an arm again about its own responses; how many can be asked about shows only then."""
    planning.say(f"{stage.name}: how many responses can be asked about")
    return StagePlan(name=stage.name, kind=stage.kind, needs=("seconds",))


def verified(planning: Planning, stage: Stage) -> StagePlan:
    """An arm that checks its own answers; what it asks itself shows only then."""
    planning.say(f"{stage.name}: how many questions the arm asks about its answers")
    return StagePlan(name=stage.name, kind=stage.kind, needs=("seconds",))


def export(planning: Planning, stage: Stage) -> StagePlan:
    """Writing the trained student, loading it again and comparing."""
    shape = planning.shape(stage.recipe)
    disk = None if shape is None else formula(4 * shape.parameters, "4 bytes a weight", 0.5)
    return StagePlan(name=stage.name, kind=stage.kind, seconds=START, disk=disk, needs=("seconds", "disk"))


def measure(planning: Planning, stage: Stage) -> StagePlan:
    """A delivered file, asked in its own runtime."""
    planning.say(f"{stage.name}: how fast its runtime is here")
    return StagePlan(name=stage.name, kind=stage.kind, needs=("seconds",))


def report(planning: Planning, stage: Stage) -> StagePlan:
    """The page."""
    del planning
    return StagePlan(name=stage.name, kind=stage.kind, seconds=OTHER)


PLANNERS: dict[str, Callable[[Planning, Stage], StagePlan]] = {
    "problems": problems, "traces": traces, "verdicts": verdicts, "listen": listen, "examples": examples,
    "student": student, "pairs": pairs, "rows": rows, "reference": reference, "logits": logits, "train": train,
    "evaluate": evaluate, "also_problems": also_problems, "also": also, "benchmark": benchmark, "faithful": faithful,
    "labels": labels, "scorer": scorer, "assess": assess, "best": best,
    "verified": verified,
    "export": export, "measure": measure, "report": report,
}  # fmt: skip
"""Kind of a stage -> what it will take."""
