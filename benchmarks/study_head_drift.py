"""How far the bf16 products of the head carry a training from one whose head is exact, beside what a seed does.

The pocket student is trained for 200 steps in bf16, once as it is and once with the products of its head in fp32, from
the same weights on the same rows in the same order; then again with other seeds of weights and order. Prints the
cross-entropy on rows that none is trained on, of every seed: the difference of the heads, and the spread of the seeds.

    python benchmarks/study_head_drift.py --seeds 3 --steps 200
"""

from __future__ import annotations

import argparse
import itertools
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from potstill import recipe
from potstill.problems import families
from potstill.progress import Progress
from potstill.records import Example
from potstill.teach.worked import solve
from potstill.train import order, student_loss, students, trainer
from potstill.train.fitness import check_student
from potstill.train.loss import by_segment, coefficients, collate
from potstill.train.render import ask, stop_texts
from potstill.train.segments import TokenRow, make_rows

STUDENT = recipe.Student(scratch=recipe.Scratch())
HELD_OUT = 200


def rows_of(folder: Path, seed: int, count: int) -> list[TokenRow]:
    """Worked problems as rows of a fresh student in `folder`."""
    problems = itertools.islice(families.generate("chain", seed, {"min_steps": 1, "max_steps": 4}), count)
    solved = [(problem, *solve(problem, 0, seed, 0.0, "plain")[:2]) for problem in problems]
    examples = [
        Example(problem_key=p.key, trace_key=p.key, question=p.statement, reasoning=text, answer=answer)
        for p, text, answer in solved
    ]
    texts = [text for e in examples for text in (e.question, e.reasoning, e.answer)]
    students.prepare(STUDENT, lambda: iter(texts), seed, folder)
    model, tokenizer = students.load(folder)
    stops = stop_texts(tokenizer, students.stop_ids(model))
    asked = [ask(STUDENT, example.question) for example in examples]
    return list(make_rows(examples, asked, tokenizer, STUDENT, 512, stops).rows)


def held_out_loss(folder: Path, rows: list[TokenRow]) -> float:
    """Mean cross-entropy in nats a trained token, everything in fp32."""
    model, _ = students.load(folder)
    student = student_loss.StudentLoss(model.eval(), check_student(str(folder), model))
    found = coefficients(rows, recipe.Loss(kind="tokens"))
    with torch.no_grad():
        cuts = [rows[start : start + 20] for start in range(0, len(rows), 20)]
        return sum(float(student(collate(cut, by_segment(cut, found.scale), 0))[0]) for cut in cuts)


def trained(start: Path, rows: list[TokenRow], steps: int, seed: int, out: Path) -> Path:
    """Train and return the folder of the result."""
    settings = recipe.Train(steps=steps, batch=16, precision="bf16", learning_rate=2e-3)
    plan = order.plan([len(row) for row in rows], settings, seed)
    trainer.train(start, rows, plan, settings, None, seed, out / "work", out / "model", Progress("train"))
    return out / "model"


def main() -> None:
    """Print a line for each seed and the spread."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    rounded = student_loss.descend

    def exact(hidden: Any, head: Any, objective: Any, scale: Any, work: torch.dtype) -> Any:
        del work
        with torch.autocast("cpu", enabled=False):
            return rounded(hidden, head, objective, scale, torch.float32)

    losses: dict[str, list[float]] = {"bf16": [], "exact": []}
    for seed in range(1, options.seeds + 1):
        with TemporaryDirectory() as kept:
            folder = Path(kept)
            rows = rows_of(folder / "student", seed, options.steps * 16 + HELD_OUT)
            for name, descend in (("bf16", rounded), ("exact", exact)):
                student_loss.descend = descend
                model = trained(folder / "student", rows[HELD_OUT:], options.steps, seed, folder / name)
                student_loss.descend = rounded
                losses[name].append(held_out_loss(model, rows[:HELD_OUT]))
        both = ", ".join(f"{name} {values[-1]:.5f}" for name, values in losses.items())
        print(f"seed {seed}: {both}, difference {losses['bf16'][-1] - losses['exact'][-1]:+.5f}", flush=True)
    apart = [a - b for a, b in zip(losses["bf16"], losses["exact"], strict=True)]
    print(f"difference of the heads {statistics.mean(apart):+.5f} (of each seed {max(map(abs, apart)):.5f} at most)")
    print(f"standard deviation over seeds {statistics.stdev(losses['exact']):.5f}")


if __name__ == "__main__":
    main()
