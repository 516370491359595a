"""What each phase of training will be: rows, tokens and arithmetic, exactly where its rows are committed."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from potstill.graph import ArmNode, Phase
from potstill.models.flops import trained_flops
from potstill.pipeline import naming, settings
from potstill.planning.figures import Figure, assumed, formula, known, product, total
from potstill.planning.sets import WRITTEN, Gathered
from potstill.planning.shapes import Architecture, of_student
from potstill.planning.texts import OFF, mean_of
from potstill.recipe import Train, number, own_answers
from potstill.train.defaults import settled
from potstill.train.methods import learns_from, learns_from_problems
from potstill.train.order import plan as order_of
from potstill.train.preferences import plan_of_pairs

if TYPE_CHECKING:
    from potstill.train.order import Plan

OWN = (0.4, 1.4, 3.0)
"""FLOPs of a training on a student's own answers, as a share of those of training on so many rows of the teacher's:
all are drawn, those that teach something are trained on, and they may be shorter or longer."""
PAIRED = (0.1, 1.0, 2.0)
"""Rows of pairs, as a share of the examples of the same set."""
SPREAD = 0.9
"""Standard deviation of the logarithm of the lengths of reasoning, where nobody has seen any."""
MOST_STEPS = 20_000
"""Steps of a plan whose micro-batches are walked through one by one."""
DRAWN_STEPS = 200
"""Steps that are drawn to stand for all, where the rows are not there yet."""

Step = tuple[tuple[int, int], ...]
"""Rows, and tokens of the longest row, of each micro-batch of a step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseFigures:
    """The numbers of one phase. `sizes` are tokens of rows of its kind, the longest that training accepts among them.

    `plan` is the order itself where the rows are committed: then rows, tokens and `flops` are exact.
    """

    rows: Figure | None
    tokens: Figure | None
    flops: Figure | None
    longest: int
    sizes: Sequence[int]
    plan: Plan | None = None

    def steps(self, batch: int, micro_batch: int) -> list[Step]:
        """Return the micro-batches of some steps, and of all where `plan` is."""
        if self.plan is not None and len(self.plan.steps) <= MOST_STEPS:
            steps = [sorted((self.sizes[row] for row in step), reverse=True) for step in self.plan.steps]
        else:
            draw = random.Random("micro-batches")
            steps = [sorted(draw.choices(self.sizes, k=batch), reverse=True) for _ in range(DRAWN_STEPS)]
        cut = [[step[start : start + micro_batch] for start in range(0, len(step), micro_batch)] for step in steps]
        return [tuple((len(part), part[0]) for part in step) for step in cut]

    def largest(self, batch: int, micro_batch: int) -> tuple[int, int]:
        """Return rows and tokens of the micro-batch that takes the most memory, as far as the order is known.

        The first step is left out where others follow: the moments of the optimiser are made behind it.
        """
        if self.plan is None or len(self.plan.steps) > MOST_STEPS:
            return min(batch, micro_batch), self.longest
        steps = self.steps(batch, micro_batch)
        parts = [part for step in steps[1:] or steps for part in step]
        return max(parts, key=lambda part: part[0] * part[1], default=(min(batch, micro_batch), self.longest))


@dataclass
class Trainings:
    """The phases of a recipe's arms, each asked for once."""

    material: Gathered
    _found: dict[str, PhaseFigures] = field(default_factory=dict)

    def of(self, phase: Phase) -> PhaseFigures:
        """Return the figures of a phase."""
        if phase.name not in self._found:
            self._found[phase.name] = self._figures(phase)
        return self._found[phase.name]

    def shape(self, arm: ArmNode | Phase) -> Architecture | None:
        """Return the architecture of an arm's student."""
        recipe = arm.recipe
        return of_student(recipe.student, Path(recipe.data))

    def _figures(self, phase: Phase) -> PhaseFigures:
        exact = self._exact(phase)
        return self._estimated(phase) if exact is None else exact

    def _matched(self, phase: Phase) -> dict[str, Figure | None] | None:
        """Return the rows, tokens and FLOPs of the arm that is matched, the trainings before it included."""
        if phase.match is None:
            return None
        graph = self.material.graph
        arm: ArmNode | None = graph.arms[phase.match[1]]
        phases: list[Phase] = []
        while arm is not None:
            phases = [*arm.phases, *phases]
            arm = graph.arms[arm.start] if arm.start is not None else None
        found = [self.of(each) for each in phases]
        how = f"as {phase.match[1]} has"
        return {key: total(how, [getattr(each, key) for each in found]) for key in ("rows", "tokens", "flops")}

    def _exact(self, phase: Phase) -> PhaseFigures | None:
        """Return the order of the training itself, where its rows are there and what it matches is as exact."""
        committed = self.material.done.get(naming.rows(phase))
        if committed is None or phase.recipe.train.look is not None:  # which may stop early, and sets rows apart
            return None
        from potstill.models.flops import shape_of
        from potstill.train.account import Costs
        from potstill.train.rows import Rows

        rows = Rows(committed.path / naming.ROWS)
        before = self.material.done.get(naming.student(self.material.graph.arms[phase.arm].student))
        shape = None if before is None else shape_of(before.path / naming.MODEL)
        train, spend = phase.recipe.train, None
        of_pairs = learns_from(train.method) == "pairs"
        costs = None if shape is None else Costs(rows=rows, student=shape, read_before=of_pairs)
        if phase.match is not None:
            quantity, matched = phase.match[0], self._matched(phase)
            wanted = None if matched is None else matched["rows" if quantity == "examples" else quantity]
            if wanted is None or not wanted.exact or (quantity == "flops" and costs is None):
                return None
            if of_pairs and quantity == "flops":
                return None
            if quantity == "flops" and costs is not None:
                spend = costs.spender(), int(wanted.value)
            steps = math.ceil(wanted.value / train.batch) if quantity == "examples" else None
            train = dataclasses.replace(train, steps=steps, tokens=int(wanted.value) if quantity == "tokens" else None)
        shuffle = self.material.graph.sets[phase.on].recipe.curate.order == "shuffled"
        train = _with_epochs(train, len(rows))
        if of_pairs:
            order = plan_of_pairs(rows.lengths.tolist(), train, settings.train_seed(phase.recipe))
        else:
            order = order_of(rows.lengths, train, settings.train_seed(phase.recipe), shuffle, spend)
        how = f"the committed {naming.rows(phase)}, in the order of the training"
        flops = None if costs is None else known(costs.counts(order.order)["flops"], how)
        if phase.recipe.train.loss.kl is not None and flops is not None:
            flops = Figure(
                value=flops.value, low=flops.low, high=4 * flops.value, basis="formula", how="without its teacher"
            )
        return PhaseFigures(
            rows=known(order.rows, how), tokens=known(order.total_tokens, how), flops=flops, longest=order.longest,
            sizes=rows.lengths.tolist(), plan=order,
        )  # fmt: skip

    def _estimated(self, phase: Phase) -> PhaseFigures:
        train = phase.recipe.train
        node = self.material.graph.sets[phase.on]
        found = self.material.of(node)
        sizes, mean = self._sizes(phase)
        examples, matched = found.examples, self._matched(phase)
        rows: Figure | None
        if matched is not None and phase.match is not None and phase.match[0] != "flops":
            rows = matched["rows"] if phase.match[0] == "examples" else _over(matched["tokens"], mean)
        elif matched is not None:
            rows = _over(matched["flops"], self._flops_of(phase, sizes, known(1, "")))
        elif train.tokens is not None:
            rows = _over(known(train.tokens, "train.tokens"), mean)
        elif train.steps is not None:
            rows = known(train.steps * train.batch, "train.steps x train.batch")
        else:
            epochs = _with_epochs(train, 0 if examples is None else round(examples.value)).epochs
            each = own_answers(train).rollouts if learns_from_problems(train.method) else 1
            times = known(each * number(epochs or 1.0), "train.epochs")
            rows = product("examples x train.epochs", examples, times)
            if learns_from(train.method) == "pairs":
                rows = product("rows of pairs x train.epochs", rows, assumed(*PAIRED, "rows of pairs an example"))
        if train.look is not None and rows is not None:
            learnt = 1 - train.look.share if train.epochs is not None and matched is None else 1.0
            least = 0.1 if train.look.patience is not None else 0.95
            rows = product(f"{rows.how}, less train.look", rows, assumed(least * learnt, learnt, learnt, "train.look"))
        tokens = product("rows x tokens of a row", rows, mean)
        if train.tokens is not None and matched is None:
            tokens = Figure(
                value=train.tokens, low=train.tokens, high=train.tokens + max(sizes), basis="known",
                how="train.tokens; the last row goes beyond",
            )  # fmt: skip
        elif matched is not None and phase.match is not None and phase.match[0] == "tokens":
            tokens = matched["tokens"]
        flops = (
            matched["flops"]
            if matched and phase.match and phase.match[0] == "flops"
            else self._flops_of(phase, sizes, rows)
        )
        longest = max(sizes)
        if learns_from_problems(train.method):
            flops = product("training, and drawing what is trained on", flops, assumed(*OWN, "FLOPs beside training's"))
            longest = round(self.material.question.high) + own_answers(train).max_tokens
        return PhaseFigures(rows=rows, tokens=tokens, flops=flops, longest=longest, sizes=sizes)

    def _sizes(self, phase: Phase) -> tuple[list[int], Figure]:
        """Return tokens of rows as they will be, and their mean."""
        train, student = phase.recipe.train, phase.recipe.student
        answers = train.supervision == "answers"
        limit = min(train.max_length, student.scratch.context if student.scratch is not None else train.max_length)
        lengths = self.material.of(self.material.graph.sets[phase.on]).lengths
        if lengths is None or not lengths.texts:
            return self._assumed(phase, limit, answers=answers)
        sizes = lengths.rows(student, answers_only=answers)
        off = OFF[student.scratch is not None]
        fitting = [size for size in sizes if size <= limit] or [float(limit)]
        mean = lengths.mean(fitting, off, "rows").at_most(limit)
        return [round(size) for size in fitting], mean

    def _assumed(self, phase: Phase, limit: int, *, answers: bool) -> tuple[list[int], Figure]:
        """Return rows of a teacher that nobody has asked yet."""
        question = self.material.question
        asked = getattr(self.material.graph.sets[phase.on].recipe.teacher, "sampling", None)
        most = limit if asked is None else min(limit, asked.max_tokens)
        if answers:
            low, usual, high = question.low + 40, question.value + 90, question.high + 400
        else:
            low, usual, high = (min(limit, question.value + min(each, most)) for each in WRITTEN)
        draw = random.Random("rows")
        drawn = [usual * math.exp(SPREAD * (0.3 if answers else 1.0) * draw.gauss(0, 1)) for _ in range(400)]
        sizes = [max(1, round(size)) for size in drawn if size <= limit] or [limit]
        mean = min(limit, mean_of(sizes))
        return sizes, assumed(min(low, mean), mean, min(limit, max(high, mean)), "rows of a teacher not yet asked")

    def _flops_of(self, phase: Phase, sizes: Sequence[int], rows: Figure | None) -> Figure | None:
        shape = self.shape(phase)
        if shape is None or rows is None:
            return None
        each = mean_of([float(trained_flops(shape.shape, size, round(0.7 * size))) for size in sizes[:400]])
        return product("F = 3 f a token, docs/guide/compute.md", rows, formula(each, "", 0.15))


def _with_epochs(train: Train, rows: int) -> Train:
    """Return the settings with the epochs that `auto` stands for, which the number of rows alone decides."""
    return settled(train, None, parameters=0, rows=rows, scratch=False)[0]


def _over(above: Figure | None, below: Figure | None) -> Figure | None:
    from potstill.planning.figures import quotient

    return quotient(f"{above.how} / {below.how}" if above and below else "", above, below)
