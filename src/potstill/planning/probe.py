"""A probe: real training steps and real sampling of each student on this machine, for some seconds.

Steps of some lengths and sizes tell what a micro-batch, a token, a pair of tokens and an optimiser step cost; the
same steps tell how memory grows. The rows are made up of random tokens: arithmetic does not care what they say.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from potstill import parquet
from potstill.graph import ArmNode, Phase, graph_of
from potstill.models.local.memory import peak_memory, release_memory, reset_peak
from potstill.pipeline import naming, outputs, settings
from potstill.pipeline.checkpoints import located
from potstill.pipeline.stages import stages_of
from potstill.planning.record import machine
from potstill.planning.sets import Gathered
from potstill.planning.timing import Timing, key_of
from potstill.planning.trainings import PhaseFigures, Step, Trainings
from potstill.recipe import Recipe, Train
from potstill.records import Drop
from potstill.store import Run
from potstill.temporary import temporary_folder

SECONDS = 20.0
"""For the steps of one student that are timed at most; each even kind is done once at least, and two of the drawn."""
ENOUGH = 8.0
"""Seconds of steps that tell, where a step takes some hundredths: single ones vary."""
FEW = 8
"""Drawn steps that tell, where they take long."""
DRAWN = 64
"""Steps that are drawn of each training."""
THIN = 3
"""Micro-batches that stand for all of a step: the largest, the middle one and the smallest."""
WRITTEN = 16
"""Tokens of the responses that are sampled."""
ASKED = 24
"""Tokens of their prompts."""
MIXED = 4
"""Drawn steps that tell the memory."""
SHOWN = 300
"""Texts that the tokenizer of a student from nothing is trained on."""

Taken = tuple[Step, float]
"""A step, and the seconds that it took."""


class ProbedSteps(NamedTuple):
    """Steps of a student that are tried: of rows of one length, and such as its trainings have.

    Even ones tell what a micro-batch and a token cost each by itself, drawn ones what trainings are made of.
    Memory is that of `largest`, with the longest row of all: blocks that are given back fit the next rows badly.
    """

    even: tuple[Step, ...]
    drawn: tuple[Step, ...]
    largest: tuple[Step, ...]

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return max(tokens for step in self.largest for _, tokens in step)


def probe(recipe: Recipe, folder: Run) -> dict[str, Any]:
    """Return what was measured, as it is noted: the timing of each student, and of which machine."""
    graph = graph_of(recipe)
    done = outputs(folder, stages_of(recipe)) if folder.path.is_dir() else {}
    gathered = Gathered(recipe=recipe, graph=graph, done=done)
    trainings = Trainings(gathered)
    wanted: dict[str, list[tuple[ArmNode, Phase]]] = {}
    for arm in graph.arms.values():
        for phase in arm.phases:
            wanted.setdefault(key_of(phase.recipe), []).append((arm, phase))
    timings = {}
    for key, trained in wanted.items():
        arm, phase = max(trained, key=lambda each: trainings.of(each[1]).longest)
        print(f"probe: the student of {arm.name}", file=sys.stderr)
        steps = _steps_of([(trainings.of(each), each.recipe.train) for _, each in trained])
        with temporary_folder("probe") as place:
            base = done.get(naming.student(arm.student))
            model = (
                base.folder(naming.MODEL) if base is not None else _prepared(phase.recipe, gathered, place / "model")
            )
            timings[key] = dataclasses.asdict(_timed(phase.recipe, model, place, steps))
        release_memory(collect=True)
    return {"probes": {"machine": machine(), "timings": timings}}


def _steps_of(trained: Sequence[tuple[PhaseFigures, Train]]) -> ProbedSteps:
    """Return what is tried of the trainings of one student."""
    usual = [max(2, sorted(figures.sizes)[len(figures.sizes) // 2]) for figures, _ in trained]
    draw = random.Random("steps")
    drawn = []
    for figures, train in trained:
        every = figures.steps(train.batch, train.micro_batch)
        drawn.append([_thin(step) for step in draw.sample(every, min(DRAWN, len(every)))])
    figures, train = max(trained, key=lambda each: each[0].longest)
    rows = min(train.micro_batch, train.batch)
    largest = drawn[[each for each, _ in trained].index(figures)][:MIXED]
    middle = len(largest) // 2
    largest[middle] = ((rows, max(4, figures.longest)), *largest[middle][1:])
    return ProbedSteps(
        even=(((rows, min(usual)),), ((rows, min(usual)),) * 2, ((rows, max(usual)),)),
        drawn=tuple(step for turn in itertools.zip_longest(*drawn) for step in turn if step is not None),
        largest=tuple(largest),
    )


def _thin(step: Step) -> Step:
    """Return a step of few micro-batches that stands for one of many."""
    few = step if len(step) <= THIN else (step[0], step[len(step) // 2], step[-1])
    return tuple((rows, max(2, tokens)) for rows, tokens in few)


def _prepared(recipe: Recipe, gathered: Gathered, out: Path) -> Path:
    """Write an untouched student; one from nothing with a tokenizer of what is at hand."""
    from potstill.train import students

    student = recipe.student
    if student.model is not None:
        student = dataclasses.replace(student, model=located(student.model, Path(recipe.data)))
    texts = [problem.statement for problem, _ in zip(gathered.problems(), range(SHOWN), strict=False)]
    students.prepare(student, lambda: texts or ["nothing is at hand"], settings.train_seed(recipe), out)
    return out


def _timed(recipe: Recipe, model: Path, place: Path, steps: ProbedSteps) -> Timing:
    import potstill.verify.verdicts  # noqa: F401 - a run has judged and written tables before, which stays in memory
    from potstill.train import students
    from potstill.train.course import attention
    from potstill.train.fitness import check_student
    from potstill.train.job import Training
    from potstill.train.ranks import company
    from potstill.train.stepper import Stepper

    train = recipe.train
    parquet.encode([], Drop)
    sampled = _sampling(recipe, model)
    release_memory(collect=True)
    began = time.monotonic()
    student, tokenizer = students.load(model)
    form = check_student(f"student {model}", student)
    student.set_attn_implementation(attention(student, train, steps.longest))
    job = Training(model=model, settings=train, lora=recipe.student.lora, seed=1, work=place, out=place / "out")
    stepper = Stepper(student, form, job, int(tokenizer.pad_token_id), company())
    stepper.fit(steps.longest)
    start = time.monotonic() - began
    taken = _taken(stepper, steps, len(tokenizer))
    grown = _grown([_held(stepper, steps.largest, share, len(tokenizer)) for share in (0.5, 1.0)])
    fitted = _fitted(*taken)
    finished = stepper.finish()
    if finished is not None:  # the end of a training is a part of it
        began = time.monotonic()
        students.write(finished, tokenizer, place / "written")
        start += time.monotonic() - began
    return Timing(**fitted, **grown, start=max(0.0, start), **sampled)


def _step(stepper: Any, turn: int, kind: Step, vocabulary: int) -> float:  # noqa: ANN401
    """Do one step of rows of random tokens; return its seconds."""
    from potstill.train.job import Stop
    from potstill.train.loss import by_segment, coefficients
    from potstill.train.render import Segment
    from potstill.train.segments import TokenRow

    draw = random.Random("probe")
    made: list[TokenRow] = []
    for rows, tokens in kind:
        asked = max(1, tokens // 3)
        segments = bytes([Segment.PROMPT] * asked + [Segment.REASONING] * (tokens - asked - 1) + [Segment.ANSWER])
        made += [
            TokenRow(tuple(draw.randrange(vocabulary) for _ in range(tokens)), segments, len(made) + number)
            for number in range(rows)
        ]
    weights = by_segment(made, coefficients(made, stepper.settings.loss).scale)
    began = time.monotonic()
    stepper.step(turn, made, weights, 0.0, Stop())
    return time.monotonic() - began


def _taken(stepper: Any, steps: ProbedSteps, vocabulary: int) -> tuple[list[Taken], list[Taken]]:  # noqa: ANN401
    """Do even steps, then drawn ones until the time is over; return the seconds of each."""
    from potstill.train.course import RELEASE_EVERY

    began = time.monotonic()
    for warming in (True, False):  # the first of a kind makes moments and caches and touches new memory
        even = [(kind, _step(stepper, int(warming), kind, vocabulary)) for kind in steps.even]
    drawn: list[Taken] = []
    for step in itertools.cycle(steps.drawn):
        seconds = _step(stepper, 0, step, vocabulary)
        drawn.append((step, seconds))
        if len(drawn) % RELEASE_EVERY == 0:  # as a training does
            released = time.monotonic()
            release_memory()
            drawn[-1] = step, seconds + time.monotonic() - released
        passed = time.monotonic() - began
        if (passed > ENOUGH and len(drawn) >= FEW) or (passed > SECONDS and len(drawn) > 1):
            break
    return even, drawn


def _held(stepper: Any, steps: Sequence[Step], share: float, vocabulary: int) -> tuple[int, int]:  # noqa: ANN401
    """Do steps with a share of the tokens of each row; return tokens of the largest micro-batch, and the most bytes."""
    cut: list[Step] = [tuple((rows, max(2, round(share * tokens))) for rows, tokens in step) for step in steps]
    release_memory()
    reset_peak()
    for turn, step in enumerate(cut):
        _step(stepper, turn, step, vocabulary)
    return max(rows * tokens for step in cut for rows, tokens in step), peak_memory() or 0


def _fitted(even: Sequence[Taken], drawn: Sequence[Taken]) -> dict[str, float]:
    """Return what a micro-batch, a token, a pair and a step cost, none of them negative, by least squares of shares.

    Shares say little of slow steps, so that all drawn ones together are made to take as long as they took.
    """
    features = [
        [*(float(sum(each)) for each in zip(*((1, n * t, n * t * t) for n, t in step), strict=True)), 1.0]
        for step, _ in [*even, *drawn]
    ]
    seconds = [each for _, each in [*even, *drawn]]
    shares = [[each / took for each in row] for row, took in zip(features, seconds, strict=True)]
    found = _least_squares(shares, [1.0] * len(shares), ridge=1e-6)
    said = sum(cost * each for row in features[len(even) :] for cost, each in zip(found, row, strict=True))
    scale = sum(took for _, took in drawn) / said if said > 0 else 1.0
    return dict(zip(("call", "token", "pair", "step"), (scale * each for each in found), strict=True))


def _grown(held: Sequence[tuple[int, int]]) -> dict[str, float]:
    """Return how memory grows with the tokens of a micro-batch, from a small one and a large one and their bytes."""
    (small, less), (large, most) = held
    slope = max(0.0, (most - less) / (large - small)) if large > small else 0.0
    return {"held": most - slope * large, "held_token": slope, "held_pair": 0.0}


def _least_squares(rows: Sequence[Sequence[float]], values: Sequence[float], ridge: float) -> list[float]:
    """Return the coefficients that are not negative and fit best: those that come out negative are left out in turn."""
    import numpy as np

    matrix, wanted = np.array(rows), np.array(values)
    scale = np.abs(matrix).max(axis=0)
    scale[scale == 0] = 1
    kept = list(range(matrix.shape[1]))
    while True:
        part = matrix[:, kept] / scale[kept]
        solved = np.linalg.solve(part.T @ part + ridge * np.eye(len(kept)), part.T @ wanted)
        if (solved >= 0).all() or len(kept) == 1:
            break
        kept.pop(int(np.argmin(solved)))
    found = np.zeros(matrix.shape[1])
    found[kept] = np.maximum(solved, 0) / scale[kept]
    return [float(each) for each in found]


def _sampling(recipe: Recipe, model: Path) -> dict[str, float]:
    """Return what reading a token and writing one cost, and the most memory."""
    from potstill.models.local.model import LocalModel, Prompt

    loaded = LocalModel(model, recipe.train.precision)
    draw = random.Random("prompts")
    words = [loaded.tokenizer.decode([draw.randrange(len(loaded.tokenizer))]) for _ in range(4 * ASKED)]
    many = max(2, min(recipe.evaluate.batch or loaded.most, 32))

    def seconds(rows: int, tokens: int) -> tuple[float, int, int]:
        asked = (" ".join(draw.sample(words, ASKED)) for _ in range(rows))
        prompts = [Prompt(loaded.render([{"role": "user", "content": text}])) for text in asked]
        began = time.monotonic()
        answers = loaded.sample(prompts, tokens, temperature=1.0)
        taken = time.monotonic() - began
        return taken, sum(a.prompt_tokens for a in answers), max(a.completion_tokens for a in answers)

    reset_peak()
    seconds(2, 2)
    read, prompt, _ = seconds(many, 1)
    wide, _, wide_steps = seconds(many, WRITTEN)
    narrow, narrow_prompt, narrow_steps = seconds(1, WRITTEN)
    each = read / prompt
    wide_step = max(1e-6, wide - read) / max(1, wide_steps)
    narrow_step = max(1e-6, narrow - each * narrow_prompt) / max(1, narrow_steps)
    row = max(0.0, (wide_step - narrow_step) / (many - 1))
    return {
        "read": each, "write_row": row, "write_call": max(1e-6, narrow_step - row),
        "held_sampling": float(peak_memory() or 0),
    }  # fmt: skip
