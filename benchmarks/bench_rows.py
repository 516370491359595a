"""Memory and start-up of rows on disk: from a table of examples to a trained step, and the start over sealed shards.

Memory: one process makes the rows of N synthetic examples of about 2,000 tokens and trains one step on them; its peak
is read from the kernel (VmHWM, mapped files included). Start-up: a million rows are written as shards, and another
process opens them, audits, plans an epoch and reads the rows of the first step. Writes
benchmarks/results/bench_rows.json.

    make bench-rows
    python benchmarks/bench_rows.py --rows 1000 20000 --million 100000 --length 200
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from potstill import pipeline, recipe
from potstill.pipeline.stages import stages_of
from potstill.progress import Progress
from potstill.recipe_file import parse
from potstill.records import Drop, Example, content_key
from potstill.store import Run
from potstill.train import segments, students
from potstill.train.rows import Rows, RowWriter, identity_of
from potstill.train.segments import TokenRow

RESULTS = Path(__file__).parent / "results" / "bench_rows.json"
RECIPE = """\
name: rows
problems: {{evaluate: 4, sources: [{{family: chain, count: 24}}]}}
teacher: {{kind: worked}}
student: {{model: {student}}}
train: {{steps: 1, batch: 2, micro_batch: 1, learning_rate: 1.0e-3, max_length: 4096, precision: fp32}}
arms: {{base: {{}}, traces: {{train: {{}}}}}}
"""


def examples(count: int, words: int) -> Iterator[Example]:
    """Examples whose reasoning has this many words, of a digit and a space each."""
    rng = random.Random(1)
    digits = "0123456789"
    for number in range(count):
        reasoning = " ".join(rng.choices(digits, k=words))
        yield Example(
            problem_key=str(number), trace_key=str(number), question=f"What is {number}?", reasoning=reasoning,
            answer=f"It is {number}.",
        )  # fmt: skip


def student(folder: Path) -> None:
    """A student of 60,000 weights whose tokenizer knows the words of the examples."""
    scratch = recipe.Scratch(hidden=32, layers=1, heads=2, intermediate=64, vocabulary=300, context=4096)
    shown = recipe.Student(scratch=scratch)
    students.prepare(shown, lambda: (e.reasoning for e in examples(20, 500)), 0, folder)


def planted(folder: Path, base: Path, count: int) -> tuple[recipe.Recipe, Run]:
    """A run whose stage `examples` holds synthetic ones; what comes before it is real."""
    made, run = parse(RECIPE.format(student=base), "bench"), Run(folder / "run")
    stages = {stage.name: stage for stage in stages_of(made)}
    for name in ("problems", "traces", "verdicts"):
        pipeline.run(made, run, only=name)
    stage = stages["examples"]
    before = {name: found for name in stage.needs if (found := run.committed(name)) is not None}
    run.lock()
    work = run.begin(stage.kind, stage.fingerprint(before), stage.about(before))
    kept = work.table("examples", Example)
    work.table("dropped", Drop)
    progress = Progress("plant", count, "examples")
    for example in progress.track(examples(count, 990)):
        kept.append(example)
    run.point("examples", work.commit({"kept": count, "by_majority": 0, "dropped": {}}, {}))
    run.unlock()
    return made, run


def repeated() -> None:
    """Let the rows of the first examples stand for all others: tokenising 400 million tokens takes most of an hour."""
    real, kept = segments.RowMaker.make, []

    def make(self, index, example, prompt):
        if len(kept) < 64:
            kept.append(real(self, index, example, prompt))
        return replace(kept[index % len(kept)], example=index)

    segments.RowMaker.make = make


def measure(folder: Path, base: Path) -> dict[str, float]:
    """Make the rows of a planted run and train a step, in this process; return its peak of memory and the seconds."""
    made, run = parse(RECIPE.format(student=base), "bench"), Run(folder / "run")
    pipeline.run(made, run, only="student")
    started, found = time.monotonic(), {}
    for name in ("rows-traces", "train-traces"):
        pipeline.run(made, run, only=name)
        found[f"{name} seconds"], started = round(time.monotonic() - started, 1), time.monotonic()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    rows = run.committed("rows-traces")
    counts = {} if rows is None else rows.counts
    return {"examples": counts["examples"], "tokens": counts["tokens"], "peak MB": _mb(status["VmHWM"]), **found}


def _mb(text: str) -> float:
    return round(int(text.split()[0]) / 1024, 1)


def write_rows(folder: Path, count: int, length: int) -> None:
    """Write synthetic rows as shards, without a tokenizer."""
    rng = np.random.default_rng(1)
    drawn = [tuple(rng.integers(0, 300, length).tolist()) for _ in range(64)]
    segments = bytes([0] * (length // 10) + [1] * (length - length // 10 - 2) + [2, 3])
    writer = RowWriter(folder)
    progress = Progress("write", count, "rows")
    for number in progress.track(range(count)):
        writer.add(TokenRow(drawn[number % len(drawn)], segments, number))
    writer.close(count)


def start_up(folder: Path, base: Path) -> dict[str, float]:
    """Open shards, audit, plan an epoch, make the key of a checkpoint and read the rows of the first step."""
    from potstill.train.audit import audit
    from potstill.train.order import plan

    tokenizer, settings = students.load_tokenizer(base), recipe.Train(epochs=1.0)
    started = time.monotonic()
    rows = Rows(folder)
    opened = time.monotonic()
    audit(rows, rows.counts, tokenizer, settings.loss)
    steps = plan(rows.lengths, settings, 0)
    content_key(identity_of(rows), steps.key)
    first = [rows[index] for index in steps.steps[0]]
    now = time.monotonic()
    return {
        "rows": len(rows), "tokens": int(rows.lengths.sum()), "open seconds": round(opened - started, 2),
        "to the first step seconds": round(now - started, 2), "rows of the first step": len(first),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000, 200_000])
    parser.add_argument("--million", type=int, default=1_000_000, help="rows of the start-up")
    parser.add_argument("--length", type=int, default=2_000, help="tokens of each of them")
    parser.add_argument("--tokenise", action="store_true", help="every example, not the first 64 again and again")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        what, folder, base = options.one
        if not options.tokenise:
            repeated()
        print(json.dumps({"measure": measure, "start_up": start_up}[what](Path(folder), Path(base))))
        return
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        student(here / "student")
        memory = []
        for count in options.rows:
            planted(here / str(count), here / "student", count)
            memory.append(_alone("measure", here / str(count), here / "student", *["--tokenise"] * options.tokenise))
            print(memory[-1])
        started = {}
        if options.million:
            write_rows(here / "rows", options.million, options.length)
            started = _alone("start_up", here / "rows", here / "student")
            print(started)
    machine = f"{platform.system()} {platform.machine()}, {platform.python_version()}"
    found = {"machine": machine, "memory": memory, "start-up": started}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


def _alone(what: str, folder: Path, base: Path, *more: str) -> dict[str, float]:
    argv = [sys.executable, __file__, "--one", what, str(folder), str(base), *more]
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
