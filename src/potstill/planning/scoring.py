"""What reward models will take: labels of steps, training on them, measuring them, and choosing among answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from potstill.models.flops import read_flops, trained_flops
from potstill.pipeline.stage import Stage
from potstill.planning.asking import SIDE_BY_SIDE, answers_of, sampled_seconds
from potstill.planning.asking import verdicts as judged
from potstill.planning.figures import Figure, assumed, formula, known, product, quotient, total
from potstill.planning.memory import of_training
from potstill.planning.sets import response
from potstill.planning.shapes import Architecture, of_model
from potstill.planning.stage_plan import START, Planning, StagePlan, of_rows
from potstill.planning.texts import mean_of
from potstill.recipe import Labels, Recipe, Reward, Train, number
from potstill.scorer_nodes import Part, ScorerNode
from potstill.train.defaults import settled

STEP = assumed(10.0, 25.0, 80.0, "tokens of a step")
AHEAD = assumed(0.2, 0.5, 1.2, "what is left to write behind a step, as a share of a solution")
OF_FILE = assumed(200.0, 500.0, 2500.0, "tokens of a labelled solution")
MOST_READ = 16_384
"""Tokens of a trace of which nothing is known, at most."""
LOGITS = 2
"""Labels that a reward model tells apart."""


def labels(planning: Planning, stage: Stage) -> StagePlan:
    """Labelling the steps of solutions: by text alone, or by rollouts of a student from each step."""
    node, part = planning.labels[stage.name]
    its = node.labels[part]
    count, length = _solutions(planning, node, part), _length(planning, node, its)
    if its.by != "rollouts" or its.arm is None:
        return StagePlan(name=stage.name, kind=stage.kind, seconds=of_rows("verdicts", count))
    arm = planning.graph.arms[its.arm]
    steps = quotient("tokens of a solution / tokens of a step", length, STEP)
    rollouts = product("solutions x steps x rollouts", count, steps, known(its.rollouts, ""))
    ahead = product("", AHEAD, length)
    written = None if ahead is None else ahead.at_most(its.sampling.max_tokens)
    made = StagePlan(
        name=stage.name, kind=stage.kind, what="written", needs=("tokens", "seconds"),
        tokens=product("rollouts x tokens of what is left", rollouts, written),
    )  # fmt: skip
    shape = planning.shape(arm.recipe)
    if shape is None or rollouts is None or written is None or length is None:
        return made
    together = its.batch or SIDE_BY_SIDE[planning.machine.kind]
    seconds = sampled_seconds(shape, planning.machine, its.precision, rollouts, together, length, written)
    return replace(made, seconds=total("weights read and arithmetic of each token", [seconds, START]))


def scorer(planning: Planning, stage: Stage) -> StagePlan:
    """Training a reward model: one row a labelled solution."""
    node = planning.scorers[stage.name]
    train, count = node.recipe.train, _solutions(planning, node, "train")
    length = _length(planning, node, node.labels["train"])
    rows = _rows(train, count, length)
    tokens = product("rows x tokens of a solution", rows, length)
    if train.tokens is not None:
        tokens = known(train.tokens, "train.tokens")
    made = StagePlan(
        name=stage.name, kind=stage.kind, what="trained", tokens=tokens, needs=("tokens", "seconds", "disk", "peak")
    )
    shape = planning.shape(_student(planning, node))
    if shape is None or length is None:
        return made
    longest = min(round(length.high), train.max_length)
    held = of_training(shape, train, None, longest, planning.machine)
    each = trained_flops(replace(shape.shape, vocabulary=LOGITS), min(round(length.value), train.max_length), 1)
    flops = product("", rows, formula(each, "", 0.3))
    seconds = quotient("", flops, planning.machine.flops(train.precision).times(train.processes))
    return replace(
        made, disk=formula(16 * shape.parameters, "the model, and a checkpoint meanwhile", 0.1), memory=held,
        peak=held.peak, seconds=total(f"arithmetic at {planning.machine.flops(train.precision).how}", [seconds, START]),
    )  # fmt: skip


def assess(planning: Planning, stage: Stage) -> StagePlan:
    """Reading the solutions that a reward model is measured on."""
    node = planning.scorers[stage.name]
    count, length = _solutions(planning, node, "test"), _length(planning, node, node.labels["test"])
    shape = planning.shape(_student(planning, node))
    return _reading(planning, stage, shape, count, length, node.recipe.train.precision)


def best(planning: Planning, stage: Stage) -> StagePlan:
    """Reading all answers of an arm, of which one a problem is chosen."""
    arm, node = planning.bests[stage.name]
    count = product("held-out problems x samples", planning.material.held_out, known(arm.recipe.evaluate.samples, ""))
    length = answers_of(planning, arm)[0]
    shape = planning.shape(_student(planning, node))
    return _reading(planning, stage, shape, count, length, node.recipe.train.precision)


def verdicts(planning: Planning, stage: Stage) -> StagePlan:
    """Judging traces, with what a reward model of `checks.reward` takes to read them."""
    made, node = judged(planning, stage), planning.sets[stage.name]
    reward = node.recipe.checks.reward
    if reward is None:
        return made
    shape = _shape_of(planning, node.recipe, reward)
    if shape is None:
        planning.say(f"{stage.name}: the dimensions of its reward model")
        return replace(made, seconds=None)
    found = planning.material.of(node)
    if found.lengths is not None and found.lengths.texts:
        size = formula(mean_of(found.lengths.rows(node.recipe.student, answers_only=False)), "", 0.2)
    else:
        size = response(MOST_READ)
    read = _read(planning, shape, found.traces, size, node.recipe.train.precision)
    return replace(made, seconds=total("the rules, and a reward model that reads each trace", [made.seconds, read]))


def _shape_of(planning: Planning, recipe: Recipe, reward: Reward) -> Architecture | None:
    if reward.scorer is not None:
        return planning.shape(_student(planning, planning.graph.scorers[reward.scorer]))
    return of_model(str(reward.model), Path(recipe.data))


def _reading(
    planning: Planning, stage: Stage, shape: Architecture | None, count: Figure | None, length: Figure | None,
    precision: str,
) -> StagePlan:  # fmt: skip
    made = StagePlan(
        name=stage.name, kind=stage.kind, what="read", tokens=product("texts x tokens", count, length),
        needs=("tokens", "seconds"),
    )  # fmt: skip
    return made if shape is None else replace(made, seconds=_read(planning, shape, count, length, precision))


def _read(
    planning: Planning, shape: Architecture, count: Figure | None, length: Figure | None, precision: str
) -> Figure | None:
    """Return the seconds of reading so many texts once."""
    if length is None:
        return None
    each = read_flops(replace(shape.shape, vocabulary=LOGITS), max(1, round(length.value)), 1)
    seconds = quotient("", product("", count, formula(each, "", 0.3)), planning.machine.flops(precision))
    return total(f"arithmetic of reading at {planning.machine.flops(precision).how}", [seconds, START])


def _student(planning: Planning, node: ScorerNode) -> Recipe:
    """Return the recipe whose student a reward model begins as."""
    return node.recipe if node.start is None else planning.graph.arms[node.start].recipe


def _solutions(planning: Planning, node: ScorerNode, part: Part) -> Figure | None:
    """Return how many solutions are labelled for a part."""
    its = node.labels[part]
    if its.by == "file" or its.on is None:
        if its.solutions is None:
            planning.say(f"scorers.{node.name}: how many solutions {its.file} has; labels.solutions bounds them")
            return None
        return assumed(its.solutions / 2, its.solutions, its.solutions, "labels.solutions, which is the most of them")
    traces = planning.material.of(planning.graph.sets[its.on]).traces
    share = node.scorer.held_out if part == "test" else 1 - node.scorer.held_out
    found = product("traces of its share of the problems", traces, formula(share, "", 0.1))
    problems = planning.material.training
    if found is not None and its.per_problem is not None and problems is not None:
        found = found.at_most(its.per_problem * share * problems.value)
    return found if found is None or its.solutions is None else found.at_most(its.solutions)


def _length(planning: Planning, node: ScorerNode, its: Labels) -> Figure | None:
    """Return the tokens of a solution with its question."""
    if its.on is None:
        return OF_FILE
    lengths = planning.material.of(planning.graph.sets[its.on]).lengths
    if lengths is None or not lengths.texts:
        return response(its.sampling.max_tokens)
    return formula(mean_of(lengths.rows(node.recipe.student, answers_only=False)), "tokens of the set's texts", 0.3)


def _rows(train: Train, count: Figure | None, length: Figure | None) -> Figure | None:
    if train.tokens is not None:
        return quotient("train.tokens / tokens of a solution", known(train.tokens, ""), length)
    if train.steps is not None:
        return known(train.steps * train.batch, "train.steps x train.batch")
    rows = 0 if count is None else round(count.value)
    epochs = settled(train, None, parameters=0, rows=rows, scratch=False)[0].epochs
    return product("solutions x train.epochs", count, known(number(epochs or 1.0), ""))
