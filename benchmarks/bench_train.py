"""Training speed, side by side: potstill's loop and transformers.Trainer on the same rows, alternated in one run.

Both train the same student on the same tokens with the same optimiser settings, two threads and the same allocator
settings. Each repetition is a process of its own; the clock starts after a first optimiser step, so that loading is
not counted. Prints medians and the ratio, and writes benchmarks/results/bench_train.json; a losing row stays.

    make bench                                      or a part of it:
    python benchmarks/bench_train.py --student pocket --repeats 3
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from potstill import recipe
from potstill.cli import ALLOCATOR
from potstill.problems import families
from potstill.progress import Progress
from potstill.records import Example
from potstill.teach.worked import solve
from potstill.train import order, students, trainer
from potstill.train.render import ask, stop_texts
from potstill.train.segments import TRAINED, TokenRow, make_rows

RESULTS = Path(__file__).parent / "results" / "bench_train.json"
STUDENTS = {
    "pocket": (recipe.Student(scratch=recipe.Scratch()), recipe.Train(steps=200, batch=8, precision="fp32")),
    "smollm2": (
        recipe.Student(model="smollm2-135m-instruct"),
        recipe.Train(steps=6, batch=16, micro_batch=8, precision="bf16"),
    ),
}


def rows_for(student: recipe.Student, folder: Path, count: int) -> tuple[TokenRow, ...]:
    """Worked chain problems as rows of the student's template."""
    problems = list(itertools.islice(families.generate("chain", 1, {}), count))
    solved = [(p, *solve(p, 0, 1, 0.0, "varied")[:2]) for p in problems]
    examples = [
        Example(problem_key=p.key, trace_key=p.key, question=p.statement, reasoning=reasoning, answer=answer)
        for p, reasoning, answer in solved
    ]
    if not (folder / "config.json").exists():
        texts = [text for e in examples for text in (e.question, e.reasoning, e.answer)]
        students.prepare(student, lambda: iter(texts), 0, folder)
    model, tokenizer = students.load(folder)
    stops = stop_texts(tokenizer, students.stop_ids(model))
    return make_rows(examples, [ask(student, e.question) for e in examples], tokenizer, student, 512, stops).rows


def potstill(folder: Path, rows: tuple[TokenRow, ...], plan: order.Plan, settings: recipe.Train, work: Path) -> float:
    """Seconds of potstill's loop from the second step on."""
    started: list[float] = []

    class Timer(Progress):
        def advance(self, count: int = 1, note: str = "") -> None:
            del count, note
            started.append(time.perf_counter())

    timer = Timer("train")
    trainer.train(folder, rows, plan, settings, None, 0, work / "checkpoints", work / "out", timer)
    return started[-1] - started[0]


def peer(folder: Path, rows: tuple[TokenRow, ...], plan: order.Plan, settings: recipe.Train, work: Path) -> float:
    """Seconds of transformers.Trainer from the second step on, completion-only labels, padded micro-batches."""
    import torch
    import transformers

    model, tokenizer = students.load(folder)
    shown = [rows[index] for step in plan.steps for index in step]

    def collate(batch: list[TokenRow]) -> dict[str, torch.Tensor]:
        width = max(map(len, batch))
        pad = tokenizer.pad_token_id
        ids = [[*row.ids, *[pad] * (width - len(row))] for row in batch]
        labels = [
            [token if code in TRAINED else -100 for token, code in zip(row.ids, row.segments, strict=True)]
            + [-100] * (width - len(row))
            for row in batch
        ]
        mask = [[1] * len(row) + [0] * (width - len(row)) for row in batch]
        return {
            "input_ids": torch.tensor(ids),
            "labels": torch.tensor(labels),
            "attention_mask": torch.tensor(mask),
        }

    started: list[float] = []

    class Timer(transformers.TrainerCallback):
        def on_step_end(self, *args: object, **kwargs: object) -> None:
            del args, kwargs
            started.append(time.perf_counter())

    class InOrder(transformers.Trainer):
        def _get_train_sampler(self, *args: object, **kwargs: object) -> torch.utils.data.Sampler:
            del args, kwargs
            return torch.utils.data.SequentialSampler(self.train_dataset)

    arguments = transformers.TrainingArguments(
        str(work / "peer"), per_device_train_batch_size=min(settings.micro_batch, settings.batch),
        gradient_accumulation_steps=settings.batch // min(settings.micro_batch, settings.batch),
        max_steps=len(plan.steps), learning_rate=settings.learning_rate, warmup_steps=settings.warmup,
        lr_scheduler_type="cosine", bf16=settings.precision == "bf16", use_cpu=True, optim="adamw_torch_fused",
        save_strategy="no", logging_strategy="no", remove_unused_columns=False, disable_tqdm=True,
    )  # fmt: skip
    InOrder(model, arguments, data_collator=collate, train_dataset=shown, callbacks=[Timer()]).train()
    return started[-1] - started[0]


def one(which: str, name: str, folder: Path) -> None:
    """One repetition in this process; prints its figures as JSON."""
    student, settings = STUDENTS[name]
    rows = rows_for(student, folder / name, 400)
    plan = order.plan([len(row) for row in rows], settings, 0)
    work = folder / f"{which}-{os.getpid()}"
    seconds = {"potstill": potstill, "transformers.Trainer": peer}[which](folder / name, rows, plan, settings, work)
    tokens = plan.total_tokens - plan.tokens[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"tokens_per_second": tokens / seconds, "peak_gb": peak}))


def main() -> None:
    """Alternate the two and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--student", choices=STUDENTS, action="append")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("runs") / "bench-train")
    parser.add_argument("--one", nargs=2, metavar=("WHICH", "STUDENT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(*options.one, options.folder)
        return
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    report: dict[str, object] = {"machine": machine}
    for name in options.student or STUDENTS:
        rows_for(STUDENTS[name][0], options.folder / name, 400)
        found: dict[str, list[dict[str, float]]] = {"potstill": [], "transformers.Trainer": []}
        for _, which in itertools.product(range(options.repeats), found):
            command = [sys.executable, __file__, "--folder", str(options.folder), "--one", which, name]
            said = subprocess.run(command, env={**os.environ, **ALLOCATOR}, stdout=subprocess.PIPE, check=True).stdout
            found[which].append(json.loads(said.splitlines()[-1]))
        report[name] = found
        medians = {which: statistics.median(r["tokens_per_second"] for r in runs) for which, runs in found.items()}
        for which, runs in found.items():
            each = ", ".join(f"{r['tokens_per_second']:,.0f}" for r in runs)
            peak = max(r["peak_gb"] for r in runs)
            print(f"{name:<8} {which:<21} {medians[which]:>8,.0f} tokens/s ({each}), peak {peak:.1f} GB", flush=True)
        print(f"{name:<8} ratio {medians['potstill'] / medians['transformers.Trainer']:.2f}", flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
