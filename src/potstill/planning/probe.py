"""A probe: real training steps and real sampling of each student on this machine, for some seconds.

Steps of some lengths and sizes tell what a micro-batch, a token, a pair of tokens and an optimiser step cost; the
same steps tell how memory grows. The rows are made up of random tokens: arithmetic does not care what they say.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
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
from potstill.planning.trainings import Trainings
from potstill.recipe import Recipe
from potstill.records import Drop
from potstill.store import Run
from potstill.temporary import temporary_folder

SECONDS = 20.0
"""For the steps of one student at most; each kind of step is done once at least."""
ENOUGH = 4.0
"""Seconds of steps that tell, where a step takes some hundredths: the first ones are slow, and single ones vary."""
ROUNDS = 4
"""Steps of a kind that tell, where they take long."""
WRITTEN = 16
"""Tokens of the responses that are sampled."""
ASKED = 24
"""Tokens of their prompts."""
MIXED = 8
"""Lengths that stand for all, from the shortest row to the longest."""
SHOWN = 300
"""Texts that the tokenizer of a student from nothing is trained on."""

Step = tuple[int, int, int]
"""Micro-batches, rows of each, tokens of each row."""


class ProbedLengths(NamedTuple):
    """Tokens of the rows that a student is trained on: the usual ones of its briefest arm, of another, and the longest.

    Short rows are timed by themselves, for what a call costs beside its tokens is most of what an arm of bare answers
    takes, and rows of ten times their length do not tell it. `spread` are lengths as rows have them, in mixed order:
    blocks of memory that are given back fit the next rows badly, which takes a third of a gigabyte of SmolLM2-135M.
    """

    short: int
    usual: int
    longest: int
    spread: tuple[int, ...]


def probe(recipe: Recipe, folder: Run) -> dict[str, Any]:
    """Return what was measured, as it is noted: the timing of each student, and of which machine."""
    graph = graph_of(recipe)
    done = outputs(folder, stages_of(recipe)) if folder.path.is_dir() else {}
    gathered = Gathered(recipe=recipe, graph=graph, done=done)
    trainings = Trainings(gathered)
    wanted: dict[str, tuple[ArmNode, Phase]] = {}
    usual: dict[str, set[int]] = {}
    for arm in graph.arms.values():
        for phase in arm.phases:
            key = key_of(phase.recipe)
            figures = trainings.of(phase)
            usual.setdefault(key, set()).add(max(2, sorted(figures.sizes)[len(figures.sizes) // 2]))
            if key not in wanted or figures.longest > trainings.of(wanted[key][1]).longest:
                wanted[key] = arm, phase
    timings = {}
    for key, (arm, phase) in wanted.items():
        print(f"probe: the student of {arm.name}", file=sys.stderr)
        figures = trainings.of(phase)
        sizes = [max(2, size) for size in sorted(figures.sizes)]
        spread = [sizes[number * (len(sizes) - 1) // (MIXED - 1)] for number in range(MIXED)]
        random.Random("lengths").shuffle(spread)
        lengths = ProbedLengths(min(usual[key]), max(usual[key]), max(4, figures.longest), tuple(spread))
        with temporary_folder("probe") as place:
            base = done.get(naming.student(arm.student))
            model = (
                base.folder(naming.MODEL) if base is not None else _prepared(phase.recipe, gathered, place / "model")
            )
            timings[key] = dataclasses.asdict(_timed(phase.recipe, model, place, lengths))
        release_memory(collect=True)
    return {"probes": {"machine": machine(), "timings": timings}}


def _prepared(recipe: Recipe, gathered: Gathered, out: Path) -> Path:
    """Write an untouched student; one from nothing with a tokenizer of what is at hand."""
    from potstill.train import students

    student = recipe.student
    if student.model is not None:
        student = dataclasses.replace(student, model=located(student.model, Path(recipe.data)))
    texts = [problem.statement for problem, _ in zip(gathered.problems(), range(SHOWN), strict=False)]
    students.prepare(student, lambda: texts or ["nothing is at hand"], settings.train_seed(recipe), out)
    return out


def _timed(recipe: Recipe, model: Path, place: Path, lengths: ProbedLengths) -> Timing:
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
    student.set_attn_implementation(attention(student, train, lengths.longest))
    job = Training(model=model, settings=train, lora=recipe.student.lora, seed=1, work=place, out=place / "out")
    stepper = Stepper(student, form, job, int(tokenizer.pad_token_id), company())
    stepper.fit(lengths.longest)
    rows = min(train.micro_batch, train.batch)
    kinds: list[Step] = [(many, rows, length) for length in (lengths.short, lengths.usual) for many in (1, 2)]
    several = 2 if train.batch > rows else 1  # the gradients of one micro-batch are there when the next is read
    kinds += [(several, rows, lengths.longest), (several, max(1, rows // 2), lengths.longest)]
    start = time.monotonic() - began
    taken, held = _steps(stepper, kinds, [(several, rows, length) for length in lengths.spread], len(tokenizer))
    fitted = _fitted([(kind, statistics.median(times)) for kind, times in taken.items()])
    grown = _grown(held)
    finished = stepper.finish()
    if finished is not None:  # the end of a training is a part of it
        began = time.monotonic()
        students.write(finished, tokenizer, place / "written")
        start += time.monotonic() - began
    return Timing(**fitted, **grown, start=max(0.0, start), **sampled)


def _steps(
    stepper: Any, kinds: Sequence[Step], mixed: Sequence[Step], vocabulary: int  # noqa: ANN401
) -> tuple[dict[Step, list[float]], dict[Step, int]]:  # fmt: skip
    """Do steps of each kind in turn until the time is over; return their seconds, and the most memory of each kind.

    The first turn tells the memory, the others the time; `mixed` ones at the end what memory the largest takes.
    """
    from potstill.train.job import Stop
    from potstill.train.loss import by_segment, coefficients
    from potstill.train.render import Segment
    from potstill.train.segments import TokenRow

    draw = random.Random("probe")
    taken: dict[Step, list[float]] = {}
    held: dict[Step, int] = {}

    def step(turn: int, kind: Step) -> float:
        many, rows, tokens = kind
        asked = max(1, tokens // 3)
        segments = bytes([Segment.PROMPT] * asked + [Segment.REASONING] * (tokens - asked - 1) + [Segment.ANSWER])
        made = [
            TokenRow(tuple(draw.randrange(vocabulary) for _ in range(tokens)), segments, number)
            for number in range(many * rows)
        ]
        weights = by_segment(made, coefficients(made, stepper.settings.loss).scale)
        stepped = time.monotonic()
        stepper.step(turn, made, weights, 0.0, Stop())
        return time.monotonic() - stepped

    step(0, kinds[0])  # makes moments and caches, and is no measure
    began = time.monotonic()
    for turn in itertools.count():
        for kind in dict.fromkeys(kinds):
            if turn:
                taken.setdefault(kind, []).append(step(turn, kind))
                continue
            # memory that is given back is touched anew, which takes time that a training's steps do not take
            release_memory()
            reset_peak()
            step(turn, kind)
            held[kind] = peak_memory() or 0
        if turn and time.monotonic() - began > (ENOUGH if turn >= ROUNDS else SECONDS):
            break
    reset_peak()
    for kind in mixed:
        taken.setdefault(kind, []).append(step(turn, kind))
    largest = max(held, key=lambda kind: kind[1] * kind[2])
    held[largest] = max(held[largest], peak_memory() or 0)
    return taken, held


def _fitted(measured: Sequence[tuple[Step, float]]) -> dict[str, float]:
    """Return what a micro-batch, a token, a pair and a step cost, none of them negative, by least squares of shares."""
    rows = [
        [each / seconds for each in (many, many * n * t, many * n * t * t, 1.0)] for (many, n, t), seconds in measured
    ]
    found = _least_squares(rows, [1.0] * len(rows), ridge=1e-6)
    return dict(zip(("call", "token", "pair", "step"), found, strict=True))


def _grown(held: Mapping[Step, int]) -> dict[str, float]:
    """Return how memory grows with the tokens of a micro-batch, from its smallest and largest."""
    sizes = {kind[1] * kind[2]: most for kind, most in sorted(held.items(), key=lambda item: item[1])}
    small, large = min(sizes), max(sizes)
    slope = max(0.0, (sizes[large] - sizes[small]) / (large - small)) if large > small else 0.0
    return {"held": sizes[large] - slope * large, "held_token": slope, "held_pair": 0.0}


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
